"""Estimates the largest singular value of a player's weight matrices. L lanes, P parameters.

K lanes are computed; N matrices of one shape, each O x I.
"""

from collections import defaultdict

import torch
from torch import Tensor

from gensweep.lanes._lane_index import LaneIndex, scatter
from gensweep.lanes._stack import Stack

SPECTRAL_NORM = "_spectral_norm"
"""After a player's name: how its metric is called."""
ITERATIONS = 8
LEAST = 1e-30
"""Added to a norm that divides."""


def has_matrices(stack: Stack) -> bool:
    """Return whether any of the player's parameters is a matrix."""
    return any(len(shape) > 1 for shape in stack.shapes.values())


def spectral_norm(stack: Stack, index: LaneIndex) -> Tensor:
    """Return the largest singular value of each lane's weight matrices, [L]; 0 if not computed.

    There must be some: `has_matrices`.
    Filters of convolutions are matrices with a row for each output. By power iterations from one
    start, so that the same weights give the same bits: a lower bound, within some percent. That
    takes a third of a small network's tick, and is done ten times in a trial.
    """
    by_shape: defaultdict[tuple[int, int], list[Tensor]] = defaultdict(list)
    for weights in stack.views(stack.flat[index]).values():
        if weights.ndim > 2:
            matrix = weights.flatten(2)
            by_shape[matrix.shape[1], matrix.shape[2]].append(matrix)
    found = [_largest(torch.stack(some, 1)) for some in by_shape.values()]
    largest: Tensor = scatter(torch.stack(found).amax(0), index, stack.lanes)
    return largest


def _largest(matrices: Tensor) -> Tensor:
    """Return the largest singular value among matrices [K, N, O, I], [K]."""
    # Products and sums: of a matrix product the last bits would depend on the number of lanes.
    # The cosines of 1, 2, ... are near no singular vector, and those of a padded matrix's block.
    right = torch.arange(1, matrices.shape[3] + 1, device=matrices.device).cos()
    right = right.expand(*matrices.shape[:2], -1)
    for _ in range(ITERATIONS):
        left = (matrices * right[:, :, None]).sum(3)
        left = left / (left.norm(dim=2, keepdim=True) + LEAST)
        right = (matrices * left[..., None]).sum(2)
        norm = right.norm(dim=2, keepdim=True)
        right = right / (norm + LEAST)
    largest: Tensor = norm[..., 0].amax(1)
    return largest
