"""The variational entries of the catalogue."""

from gensweep_models.game import Model
from gensweep_models.variational.autoencoder import (
    AUTOENCODER_SPACE,
    Autoencoder,
    AutoencoderConfig,
)
from gensweep_models.variational.beta_vae import BETA_VAE_SPACE, BetaVaeConfig
from gensweep_models.variational.denoising_autoencoder import (
    DENOISING_AUTOENCODER_SPACE,
    DenoisingAutoencoder,
    DenoisingAutoencoderConfig,
)
from gensweep_models.variational.iwae import IWAE_SPACE, IwaeConfig
from gensweep_models.variational.vae import VAE_SPACE, Vae, VaeConfig

VARIATIONAL = (
    Model("autoencoder", "variational", "arXiv:2003.05991", AutoencoderConfig, Autoencoder,
          AUTOENCODER_SPACE),
    Model("denoising_autoencoder", "variational", "arXiv:1211.4246", DenoisingAutoencoderConfig,
          DenoisingAutoencoder, DENOISING_AUTOENCODER_SPACE),
    Model("vae", "variational", "arXiv:1312.6114", VaeConfig, Vae, VAE_SPACE),
    Model("beta_vae", "variational", "arXiv:1804.03599", BetaVaeConfig, Vae, BETA_VAE_SPACE),
    Model("iwae", "variational", "arXiv:1509.00519", IwaeConfig, Vae, IWAE_SPACE),
)  # fmt: skip
