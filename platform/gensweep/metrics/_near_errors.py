"""Standard errors of metrics that count which samples are near which real examples."""

# R rows of real examples, M of all, N samples
from __future__ import annotations

import torch
from torch import Tensor

from gensweep.metrics._standard_error import standard_error

__all__ = ["NearErrors"]


class NearErrors:
    """Tells, row by row, what the metrics of `NearReal` would be without each sample in turn."""

    def __init__(self, fake: Tensor, k: int, near_fake: tuple[Tensor, Tensor] | None) -> None:
        """Begin with samples [N, D]; `near_fake` are their k + 1 nearest: None without recall."""
        self._k, self._near_fake = k, near_fake
        self._coverage, self._filling, self._recall = fake.new_zeros(3, len(fake)).unbind()
        self._rows = 0

    def add(self, distances: Tensor, within: Tensor, have: Tensor) -> None:
        """Count rows [R, N]; `within` are ones where a sample is near, and `have` [R] their sums.

        A real example loses its only sample, and one of at most k.
        """
        self._rows += len(have)
        self._coverage += (have == 1).to(within.dtype) @ within
        self._filling += (have <= self._k).to(within.dtype) @ within
        if self._near_fake is not None:
            self._recall += self._lost_recall(distances, *self._near_fake)

    def _lost_recall(self, distances: Tensor, reach: Tensor, index: Tensor) -> Tensor:
        """Count the rows that are recalled no more without a sample, less those that then are.

        Where one of a sample's k nearest is left out, its ball reaches to the next one.
        """
        inside = distances < reach[:, self._k - 1]
        held = inside.sum(1)
        rows = (held < 2).nonzero()[:, 0]
        inside, held, count = inside[rows], held[rows], inside.shape[1]
        at, grown = ((distances[rows] < reach[:, self._k]) & ~inside).nonzero().unbind(1)
        saved = torch.unique(at[:, None] * count + index[grown, : self._k])
        gained = saved[held[saved // count] == 0] % count
        alone = (held == 1).nonzero()[:, 0]
        only = inside[alone].to(torch.uint8).argmax(1)
        lost = only[~torch.isin(alone * count + only, saved)]
        change: Tensor = lost.bincount(minlength=count) - gained.bincount(minlength=count)
        return change.to(distances.dtype)

    @property
    def has_recall(self) -> bool:
        """Tell if recall has an error, which takes more than k + 1 samples."""
        return self._near_fake is not None

    def coverage(self) -> Tensor:
        """Return the standard error of coverage."""
        return self._error(self._coverage)

    def filling(self) -> Tensor:
        """Return the standard error of the mean of min(samples in a ball, k) / k."""
        return self._error(self._filling / self._k)

    def recall(self) -> Tensor:
        """Return the standard error of recall."""
        return self._error(self._recall)

    def _error(self, lost: Tensor) -> Tensor:
        return standard_error(lost.double() * (len(lost) / self._rows))
