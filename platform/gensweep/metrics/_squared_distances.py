"""Squared distances between many points, some rows at a time, always in the same memory."""

# R rows at once, M others, N points, D dimensions
from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gensweep.errors import UserError

__all__ = ["SquaredDistances"]

ENTRIES, ENTRIES_OF_GPU = 2**20, 2**26
"""Distances at once: on a processor so many stay in its cache, a GPU wants work for all cores."""
LEAST_ROWS, MOST_ROWS = 64, 4096
"""At once: products of fewer rows are slow, and few points have no use for the memory of more."""
SOME = 100
"""Points whose median is taken."""
DEPTH = 16
"""Distances of which the least is found before their order."""


class SquaredDistances:
    """Tells squared distances to the same points.

    By one matrix product, of |x|^2 - 2 x y + |y|^2. Memory that is asked for anew for each product
    is zeroed by the system, which takes as long as the product does: so there is one block, which
    the next rows overwrite. What is smaller than rounding may be below zero.
    """

    def __init__(self, points: Tensor, chunk: int | None = None) -> None:
        """Prepare for distances to points [N, D], of `chunk` rows at once; None: as many as fit."""
        self._points, self._count = points, len(points)
        most = ENTRIES if points.device.type == "cpu" else ENTRIES_OF_GPU
        self.chunk = chunk or min(max(LEAST_ROWS, most // self._count), MOST_ROWS)
        # Far from the origin products lose their last digits: so from the middle of some of them,
        # which no outlier moves.
        self._middle = points[:: -(-len(points) // SOME)].median(0).values
        points = points - self._middle
        squares = points.square().sum(1, keepdim=True)
        self._terms = torch.cat([-2 * points, squares, torch.ones_like(squares)], 1).mT.contiguous()
        self._breadth = -(-self._count // DEPTH)
        # The last columns are no points: infinitely far.
        self._block = points.new_full((self.chunk, DEPTH * self._breadth), math.inf)

    def of(self, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows of others [M, D] and their distances [R, N], which hold until the next."""
        others = others - self._middle
        squares = others.square().sum(1, keepdim=True)
        factors = torch.cat([others, torch.ones_like(squares), squares], 1)
        for start in range(0, len(others), self.chunk):
            rows = slice(start, start + self.chunk)
            part = factors[rows]
            yield rows, torch.mm(part, self._terms, out=self._block[: len(part), : self._count])

    def of_each_other(self, itself: float) -> Iterator[tuple[slice, Tensor]]:
        """Yield the same of the points themselves, each at `itself` from itself."""
        for rows, distances in self.of(self._points):
            distances[:, rows].fill_diagonal_(itself)
            yield rows, distances

    def nearest(self, count: int) -> tuple[Tensor, Tensor]:
        """Return distances and indices [N, count] of the nearest others of each point, in order.

        `UserError` unless 0 < count < N.
        """
        if not 0 < count < self._count:
            raise UserError(
                f"0 < k < samples must hold, but got k={count} and {self._count} samples."
            )
        found = [self._least(near, count + 1) for _, near in self.of_each_other(-math.inf)]
        values, indices = (torch.cat(parts)[:, 1:] for parts in zip(*found, strict=True))
        return values, indices

    def like(self) -> Tensor:
        """Return memory for a block of numbers [chunk, N]."""
        return self._terms.new_empty(self.chunk, self._count)

    def _least(self, distances: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the `count` least of the present `distances` [R, N] in order, and whose they are.

        Points are laid in `DEPTH` rows; of their columns those that have the `count` least minima
        have the `count` least of all. Each [R, count].
        """
        if self._breadth < count:
            return distances.topk(count, largest=False)
        rows = len(distances)
        columns = self._block[:rows].view(rows, DEPTH, self._breadth)
        at = columns.amin(1).topk(count, largest=False, sorted=False).indices
        near = columns.gather(2, at[:, None].expand(rows, DEPTH, count)).flatten(1)
        values, places = near.topk(count, largest=False)
        depth = places.div(count, rounding_mode="floor")
        return values, depth * self._breadth + at.gather(1, places % count)
