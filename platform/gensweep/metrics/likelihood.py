"""Likelihood bounds: importance-weighted aggregation (arXiv 1509.00519) and units."""

# S importance samples, B batch
from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from gensweep.errors import UserError

__all__ = ["bits_per_dim", "importance_bound"]


def importance_bound(log_weights: Iterable[Tensor]) -> Tensor:
    """log of the mean weight over all samples, from chunks [S, B] in nats: float64 [B].

    >>> round(importance_bound([torch.ones(1, 1), torch.ones(3, 1)]).item(), 9)
    1.0
    """
    total, count = None, 0
    for chunk in log_weights:
        part = chunk.double().logsumexp(0)
        total = part if total is None else torch.logaddexp(total, part)
        count += chunk.shape[0]
    if total is None:
        raise UserError("an importance-weighted bound needs 1 sample or more, got 0")
    return total - math.log(count)


def bits_per_dim(log_prob: Tensor, dimensions: int, scale: float = 1.0) -> Tensor:
    """Nats of one example to bits per dimension; `scale` is the width of a data unit in levels.

    Data in [-1, 1] with 256 levels were divided by 127.5: pass `scale=127.5`.

    >>> bits_per_dim(torch.tensor(-math.log(2.0) * 4), dimensions=4).item()
    1.0
    """
    return (math.log(scale) - log_prob / dimensions) / math.log(2.0)
