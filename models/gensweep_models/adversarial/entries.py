"""The adversarial entries of the catalogue."""

from gensweep_models.adversarial.began import BEGAN_SPACE, Began, BeganConfig
from gensweep_models.adversarial.bilinear import BILINEAR_SPACE, Bilinear, BilinearConfig
from gensweep_models.adversarial.dirac_gan import DIRAC_GAN_SPACE, DiracGan, DiracGanConfig
from gensweep_models.adversarial.gan import GAN_SPACE, Gan, GanConfig
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
)
