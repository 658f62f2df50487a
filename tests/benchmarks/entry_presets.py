"""Settings at which entries of the catalogue get good on 8x8 digits in minutes on one core.

Found by a few runs each, so they show that an entry works, not how it ranks among the others.
"""

from dataclasses import dataclass, field
from typing import Any

SMALL_MLP = {"hidden": 64, "layers": 2, "ema": 0.99}
SMALL_RESNET = {
    "channels": 4, "batch_size": 32, "ema": 0.99, "latent_size": 24, "learning_rate": 5e-4,
    "critic_learning_rate": 1e-3,
}  # fmt: skip
SMALL_CODED = {
    "hidden": 128, "latent_size": 8, "batch_size": 64, "ema": 0.99, "learning_rate": 2e-3,
}  # fmt: skip
SMALL_GROWING = {"channels": 16, "latent_size": 32, "batch_size": 32, "ema": 0.99}


@dataclass(frozen=True)
class Preset:
    """A budget in images, and settings of the configuration."""

    images: int = 300_000
    settings: dict[str, Any] = field(default_factory=dict)


PRESETS: dict[str, Preset] = {
    "gan": Preset(settings={**SMALL_MLP, "learning_rate": 2e-3, "batch_size": 64}),
    "minimax_gan": Preset(settings={**SMALL_MLP, "learning_rate": 2e-3, "batch_size": 64}),
    "lsgan": Preset(settings={**SMALL_MLP, "learning_rate": 1e-3}),
    "dragan": Preset(settings={**SMALL_MLP, "learning_rate": 2e-3}),
    "r3gan": Preset(
        settings={**SMALL_MLP, "learning_rate": 2e-3, "penalty_weight": 1.0, "batch_size": 64}
    ),
    "wgan": Preset(settings={**SMALL_MLP, "learning_rate": 5e-4}),
    "wgan_gp": Preset(settings={**SMALL_MLP, "learning_rate": 1e-3}),
    "sngan": Preset(settings={**SMALL_MLP, "learning_rate": 3e-3}),
    "lgan": Preset(settings={**SMALL_MLP, "learning_rate": 1e-3}),
    "cgan": Preset(
        400_000,
        {"learning_rate": 1e-3, "latent_size": 16, "ema": 0.99, "batch_size": 64},
    ),
    "dcgan": Preset(250_000, {"ema": 0.99}),
    "sagan": Preset(60_000, SMALL_RESNET),
    "biggan": Preset(
        60_000,
        {**SMALL_RESNET, "embedding_size": 16, "critic_iterations": 1, "orthogonal_weight": 1e-2},
    ),
    "progan": Preset(40_000, {**SMALL_GROWING, "grown": 0.3, "learning_rate": 5e-3}),
    "stylegan": Preset(
        60_000,
        {**SMALL_GROWING, "hidden": 32, "layers": 2, "learning_rate": 5e-3,
         "modulation": "demodulation", "penalty_weight": 1.0, "mixing": 0.5},
    ),
    "autoencoder": Preset(settings=SMALL_CODED),
    "denoising_autoencoder": Preset(150_000, SMALL_CODED),
    "vae": Preset(settings=SMALL_CODED),
}  # fmt: skip
