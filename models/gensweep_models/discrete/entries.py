"""The entries of the catalogue whose codes are discrete."""

from gensweep_models.discrete.vqvae import VQVAE_SPACE, VqVae, VqVaeConfig
from gensweep_models.game import Model

DISCRETE = (Model("vqvae", "discrete", "arXiv:1711.00937", VqVaeConfig, VqVae, VQVAE_SPACE),)
