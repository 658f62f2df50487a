"""Latent noise: the truncated normal with the field of its threshold, and a mask of padding."""

from typing import Any

import torch
from torch import Tensor

from gensweep_models.config import sampling

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


def mask_latent(z: Tensor, size: Tensor) -> Tensor:
    """z with its last dimension zeroed from `size` on."""
    return torch.where(torch.arange(z.shape[-1], device=z.device) < size, z, 0.0)
