"""Latent noise: the truncated normal, its threshold and samples of it, and a mask of padding."""

from typing import Any

import torch
from torch import Tensor

from gensweep_models.config import sampling
from gensweep_models.game import Nets, Noise, NoiseKind, Tensors

UNTRUNCATED = 6.0
"""A threshold beyond which float32 has no normal numbers to draw."""
THRESHOLDS = (0.5, 1.0, 1.5, 2.0)
"""Along which fidelity is measured against variety."""


def truncation_field(
    default: float,
    doc: str = "truncation threshold of the latent noise",
    grid: tuple[float, ...] = THRESHOLDS,
) -> Any:
    """The sampling hyperparameter of the truncation trick (BigGAN, arXiv:1809.11096)."""
    return sampling(default, doc, neutral=UNTRUNCATED, grid=grid, above=0)


def truncated_normal(uniform: Tensor, threshold: Tensor) -> Tensor:
    """N(0, 1) truncated to ±threshold by its inverse CDF, as float32; exact in law.

    Equal in law to the resampling of BigGAN, arXiv:1809.11096, section 3.1.
    """
    bound = threshold.double()
    tail = torch.special.ndtr(-bound)
    z = torch.special.ndtri(tail + uniform.double() * (1 - 2 * tail))
    return torch.minimum(torch.maximum(z, -bound), bound).float()


class TruncatedSamples:
    """Draws samples of a game that is trained with normal z [B, Z], with truncated z.

    The configuration has `latent_size` and `truncation`. A game with samples that are not its
    generator's outputs alone has a `generate` of its own.
    """

    config: Any

    def z_noise(self, count: int, kind: NoiseKind = "normal") -> dict[str, Noise]:
        """The noise "z" of so many examples, padded to the largest latent size of a pack."""
        return {"z": Noise((count, self.config.latent_size), kind, latent="latent_size")}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, of which `sample` makes truncated normal z."""
        return self.z_noise(count, "uniform")

    def sample(
        self, nets: Nets, noise: Tensors, hyper: Tensors, given: Tensors | None = None
    ) -> Tensor:
        """Samples [count, *shape], of the classes given["y"] if there are some."""
        z = truncated_normal(noise["z"], hyper["truncation"])
        return self.generate(nets, z, given)

    def generate(self, nets: Nets, z: Tensor, given: Tensors | None) -> Tensor:
        """Samples of z."""
        samples: Tensor = nets["generator"](z, given["y"]) if given else nets["generator"](z)
        return samples


def mask_latent(z: Tensor, size: Tensor) -> Tensor:
    """z with its last dimension zeroed from `size` on."""
    return torch.where(torch.arange(z.shape[-1], device=z.device) < size, z, 0.0)
