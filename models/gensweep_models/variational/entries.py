"""The variational entries of the catalogue."""

from gensweep_models.game import Model
from gensweep_models.variational.vae import VAE_SPACE, Vae, VaeConfig

VARIATIONAL = (Model("vae", "variational", "arXiv:1312.6114", VaeConfig, Vae, VAE_SPACE),)
