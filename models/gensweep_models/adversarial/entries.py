"""The adversarial entries of the catalogue."""

from gensweep_models.adversarial.began import BEGAN_SPACE, Began, BeganConfig
from gensweep_models.adversarial.biggan import BIGGAN_SPACE, BigGan, BigGanConfig
from gensweep_models.adversarial.bilinear import BILINEAR_SPACE, Bilinear, BilinearConfig
from gensweep_models.adversarial.cgan import CGAN_SPACE, Cgan, CganConfig
from gensweep_models.adversarial.dcgan import DCGAN_SPACE, Dcgan, DcganConfig
from gensweep_models.adversarial.dirac_gan import DIRAC_GAN_SPACE, DiracGan, DiracGanConfig
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GAN_SPACE, GanConfig
from gensweep_models.adversarial.progan import PROGAN_SPACE, Progan, ProganConfig
from gensweep_models.adversarial.sagan import SAGAN_SPACE, Sagan, SaganConfig
from gensweep_models.adversarial.stylegan import STYLEGAN_SPACE, Stylegan, StyleganConfig
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
    Model("dcgan", "adversarial", "arXiv:1511.06434", DcganConfig, Dcgan, DCGAN_SPACE),
    Model("progan", "adversarial", "arXiv:1710.10196", ProganConfig, Progan, PROGAN_SPACE),
    Model("stylegan", "adversarial", "arXiv:1812.04948", StyleganConfig, Stylegan, STYLEGAN_SPACE),
)
