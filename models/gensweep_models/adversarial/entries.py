"""The adversarial entries of the catalogue."""

from gensweep_models.adversarial.began import BEGAN_SPACE, Began, BeganConfig
from gensweep_models.adversarial.biggan import BIGGAN_SPACE, BigGan, BigGanConfig
from gensweep_models.adversarial.bilinear import BILINEAR_SPACE, Bilinear, BilinearConfig
from gensweep_models.adversarial.cgan import CGAN_SPACE, Cgan, CganConfig
from gensweep_models.adversarial.dirac_gan import DIRAC_GAN_SPACE, DiracGan, DiracGanConfig
from gensweep_models.adversarial.gan import GAN_SPACE, Gan, GanConfig
from gensweep_models.adversarial.sagan import SAGAN_SPACE, Sagan, SaganConfig
from gensweep_models.adversarial.variants import VARIANTS
from gensweep_models.game import Model

ADVERSARIAL = (
    Model("gan", "adversarial", "arXiv:1406.2661", GanConfig, Gan, GAN_SPACE),
    *VARIANTS,
    Model("began", "adversarial", "arXiv:1703.10717", BeganConfig, Began, BEGAN_SPACE),
    Model("bilinear", "adversarial", "arXiv:1807.04740", BilinearConfig, Bilinear, BILINEAR_SPACE),
    Model(
        "dirac_gan", "adversarial", "arXiv:1801.04406", DiracGanConfig, DiracGan, DIRAC_GAN_SPACE
    ),
    Model("cgan", "adversarial", "arXiv:1411.1784", CganConfig, Cgan, CGAN_SPACE),
    Model("sagan", "adversarial", "arXiv:1805.08318", SaganConfig, Sagan, SAGAN_SPACE),
    Model("biggan", "adversarial", "arXiv:1809.11096", BigGanConfig, BigGan, BIGGAN_SPACE),
)
