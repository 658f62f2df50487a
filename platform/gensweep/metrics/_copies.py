"""Finds samples that are copies of training examples, in the features of a fixed network."""

# M training examples, N samples, F features
from __future__ import annotations

import copy

import torch
from torch import Tensor

from gensweep.metrics._squared_distances import SquaredDistances

__all__ = ["CopyTest", "nearest_places"]

RARE = 0.01
"""Share of held-out examples that are as near to a training example as a copy is."""


class CopyTest:
    """Tells the share of samples that are nearer to a training example than is natural.

    How near held-out examples come sets the bound: all but `RARE` of them are farther from their
    nearest training example. What samples exceed that share by is estimated as copied, and is 0 on
    the mean for a model that is the law of the data.
    """

    def __init__(self, train: Tensor, held_out: Tensor, chunk: int | None = None) -> None:
        """Set the bound by features of training examples [M, F] and held-out ones [N, F]."""
        self._train, self._chunk = train, chunk
        nearest = self._nearest(held_out).double()
        self.bound = nearest.quantile(RARE)
        self._natural = (nearest <= self.bound).double().mean()
        self.tells = float(self._natural) <= 2 * max(RARE, 1 / len(held_out))
        """False where held-out examples repeat training ones, so that being near is natural."""

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of what is searched for copies, and of what counts as one, as JSON."""
        return {"training_examples": len(self._train), "rare": RARE}

    def to(self, device: torch.device | str) -> CopyTest:
        """Return the same test for features on `device`."""
        moved = copy.copy(self)
        moved._train, moved.bound, moved._natural = (
            one.to(device) for one in (self._train, self.bound, self._natural)
        )
        return moved

    def near(self, features: Tensor) -> Tensor:
        """Return for each of features [N, F] whether it is as near to an example as a copy is."""
        return self._nearest(features).double() <= self.bound

    def copied(self, fake: Tensor) -> Tensor:
        """Estimate the share of samples [L, N, F] that are copies: float64 [L], from 0 to 1."""
        near = torch.stack([self._share(lane) for lane in fake])
        return ((near - self._natural) / (1 - self._natural)).clamp(min=0)

    def error(self, copied: Tensor, count: int) -> Tensor:
        """Return the standard error of shares `copied` [L] that were told of `count` samples."""
        near = self._natural + (1 - self._natural) * copied
        return (near * (1 - near) / count).sqrt() / (1 - self._natural)

    def _share(self, features: Tensor) -> Tensor:
        return self.near(features).double().mean()

    def _nearest(self, features: Tensor) -> Tensor:
        """Return the distance [N] of each from the nearest training example."""
        squares = SquaredDistances(self._train, self._chunk).of(features)
        return torch.cat([part.amin(1) for _, part in squares]).clamp(min=0).sqrt()


def nearest_places(train: Tensor, features: Tensor) -> Tensor:
    """Return the place among train [M, F] of that which is nearest to each of features [N, F]."""
    return torch.cat([part.argmin(1) for _, part in SquaredDistances(train).of(features)])
