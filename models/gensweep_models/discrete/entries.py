"""The entries of the catalogue whose codes or pixels are discrete."""

from gensweep_models.discrete.dalle import DALLE_SPACE, Dalle, DalleConfig
from gensweep_models.discrete.pixelcnn import PIXELCNN_SPACE, Pixelcnn, PixelcnnConfig
from gensweep_models.discrete.vqgan import VQGAN_SPACE, VqGan, VqGanConfig
from gensweep_models.discrete.vqvae import VQVAE_SPACE, VqVae, VqVaeConfig
from gensweep_models.discrete.vqvae2 import VQVAE2_SPACE, VqVae2, VqVae2Config
from gensweep_models.game import Model

DISCRETE = (
    Model("vqvae", "discrete", "arXiv:1711.00937", VqVaeConfig, VqVae, VQVAE_SPACE),
    Model("pixelcnn", "discrete", "arXiv:1606.05328", PixelcnnConfig, Pixelcnn, PIXELCNN_SPACE),
    Model("vqvae2", "discrete", "arXiv:1906.00446", VqVae2Config, VqVae2, VQVAE2_SPACE),
    Model("vqgan", "discrete", "arXiv:2012.09841", VqGanConfig, VqGan, VQGAN_SPACE),
    Model("dalle", "discrete", "arXiv:2102.12092", DalleConfig, Dalle, DALLE_SPACE),
)
