"""Kernel distance of features: the squared maximum mean discrepancy (arXiv:1801.01401)."""

# L lanes, M real samples, N fake samples, D features
from __future__ import annotations

import copy

import torch
from torch import Tensor

from gensweep.errors import UserError

__all__ = ["KernelDistance", "kernel_distance"]


def kernel_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Return the unbiased squared MMD of real [M, D] and fake [L, N, D] features: float64 [L].

    The kernel is (x . y / D + 1)^3. Of samples of one law it is 0 on the mean, so it may be below.
    """
    return KernelDistance(real).distances(fake)


class KernelDistance:
    """Computes `kernel_distance` to the same real features, whose own mean is computed once."""

    def __init__(self, real: Tensor, chunk: int = 1024) -> None:
        self._real, self._chunk = real.double(), chunk
        self._own = self._mean_of_pairs(self._real)

    def to(self, device: torch.device | str) -> KernelDistance:
        """Return the same for features on `device`."""
        moved = copy.copy(self)
        moved._real, moved._own = self._real.to(device), self._own.to(device)
        return moved

    def distances(self, fake: Tensor) -> Tensor:
        """Return the distance of fake [L, N, D], one lane after the other: float64 [L]."""
        return torch.stack([self._distance(lane.double()) for lane in fake])

    def _distance(self, lane: Tensor) -> Tensor:
        between = self._sum(self._real, lane) / (len(self._real) * len(lane))
        return self._own + self._mean_of_pairs(lane) - 2 * between

    def _mean_of_pairs(self, x: Tensor) -> Tensor:
        """Average the kernel over pairs of two different samples of x [N, D]."""
        if len(x) < 2:
            raise UserError(f"a kernel distance needs 2 samples or more, got {len(x)}")
        alone = _kernel(x.square().sum(-1), x.shape[-1]).sum()
        return (self._sum(x, x) - alone) / (len(x) * (len(x) - 1))

    def _sum(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum the kernel over all pairs, some rows at a time to bound the memory."""
        rows = torch.split(x, self._chunk)
        parts = [_kernel(part @ y.mT, x.shape[-1]).sum() for part in rows]
        return torch.stack(parts).sum()


def _kernel(products: Tensor, size: int) -> Tensor:
    base = products / size + 1
    return base * base * base
