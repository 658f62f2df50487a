"""Units of likelihoods."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["bits_per_dim"]


def bits_per_dim(log_prob: Tensor, dimensions: int, scale: float = 1.0) -> Tensor:
    """Convert nats of one example to bits per dimension; `scale` is the levels of a unit of data.

    Data in [-1, 1] with 256 levels were divided by 127.5: pass `scale=127.5`.

    >>> import torch
    >>> bits_per_dim(torch.tensor(-math.log(2.0) * 4), dimensions=4).item()
    1.0
    """
    return (math.log(scale) - log_prob / dimensions) / math.log(2.0)
