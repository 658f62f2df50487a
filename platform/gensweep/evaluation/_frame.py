"""Where points of the plane stand in a square picture."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

SIDE = 300
"""Pixels of a picture of points."""


@dataclass(frozen=True)
class Frame:
    """A square of the plane that a picture shows, `y` upwards."""

    middle: Tensor
    width: float

    @classmethod
    def around(cls, points: Tensor) -> Self:
        """Take a square half as wide again as `points` [N, 2]; none: as the point 0."""
        points = points if len(points) else torch.zeros(1, 2)
        low, high = points.amin(0), points.amax(0)
        return cls((low + high) / 2, 1.5 * float((high - low).max()) or 1.0)

    def place(self, points: Tensor) -> Tensor:
        """Return the pixels of points [N, 2], from the left and from the top."""
        at = (points - self.middle) / self.width + 0.5
        return (at * torch.tensor([1.0, -1.0]) + torch.tensor([0, 1.0])).clamp(-0.1, 1.1) * SIDE

    def lattice(self, side: int) -> Tensor:
        """Return the middles of `side` x `side` equal squares, row by row from the top left."""
        at = (torch.arange(side) + 0.5) / side - 0.5
        x, y = at.repeat(side), at.flip(0).repeat_interleave(side)
        return self.middle + self.width * torch.stack([x, y], 1)
