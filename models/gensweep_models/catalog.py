"""All models."""

from gensweep_models.ddpm import DDPM_SPACE, Ddpm, DdpmConfig
from gensweep_models.game import Model
from gensweep_models.gan import GAN_SPACE, Gan, GanConfig
from gensweep_models.realnvp import REALNVP_SPACE, Realnvp, RealnvpConfig
from gensweep_models.rectified_flow import (
    RECTIFIED_FLOW_SPACE,
    RectifiedFlow,
    RectifiedFlowConfig,
)
from gensweep_models.vae import VAE_SPACE, Vae, VaeConfig
from gensweep_models.vqvae import VQVAE_SPACE, VqVae, VqVaeConfig

CATALOG: dict[str, Model] = {
    "gan": Model("gan", "adversarial", "arXiv:1406.2661", GanConfig, Gan, GAN_SPACE),
    "vae": Model("vae", "variational", "arXiv:1312.6114", VaeConfig, Vae, VAE_SPACE),
    "vqvae": Model("vqvae", "discrete", "arXiv:1711.00937", VqVaeConfig, VqVae, VQVAE_SPACE),
    "realnvp": Model("realnvp", "flow", "arXiv:1605.08803", RealnvpConfig, Realnvp, REALNVP_SPACE),
    "ddpm": Model("ddpm", "diffusion", "arXiv:2006.11239", DdpmConfig, Ddpm, DDPM_SPACE),
    "rectified_flow": Model(
        "rectified_flow",
        "diffusion",
        "arXiv:2209.03003",
        RectifiedFlowConfig,
        RectifiedFlow,
        RECTIFIED_FLOW_SPACE,
    ),
}
