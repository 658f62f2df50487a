"""Latent noise: the truncated normal, and the mask of a padded latent."""

import torch
from torch import Tensor


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
