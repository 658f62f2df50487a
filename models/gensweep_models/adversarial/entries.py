"""The adversarial entries of the catalogue."""

from gensweep_models.adversarial.began import BEGAN_SPACE, Began, BeganConfig
from gensweep_models.adversarial.gan import GAN_SPACE, Gan, GanConfig
from gensweep_models.adversarial.variants import VARIANTS
from gensweep_models.game import Model

ADVERSARIAL = (
    Model("gan", "adversarial", "arXiv:1406.2661", GanConfig, Gan, GAN_SPACE),
    *VARIANTS,
    Model("began", "adversarial", "arXiv:1703.10717", BeganConfig, Began, BEGAN_SPACE),
)
