"""Half of a pack's lanes, for turns that no more of them take."""

from collections.abc import Sequence
from itertools import islice

from torch import Tensor

FEWEST = 2
"""Lanes of a computation: one alone takes other kernels, whose last bits differ."""


def half_of(slots: Sequence[int], lanes: int) -> list[int]:
    """Half of the lanes, to which all of `slots` belong; empty if they are more, or none less."""
    room = lanes // 2 - len(slots)
    if lanes < 2 * FEWEST or room < 0:
        return []
    others = (slot for slot in range(lanes) if slot not in slots)
    return sorted([*slots, *islice(others, room)])


def spread(values: Tensor, where: Tensor, lanes: int) -> Tensor:
    """Those of some lanes [K, ...] in their places among all [L, ...]; others are zero."""
    return values.new_zeros(lanes, *values.shape[1:]).index_copy(0, where, values)
