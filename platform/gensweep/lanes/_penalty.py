"""Adds a player's penalty to its gradient in the turns where it is due: lazy regularisation.

K lanes that a turn computes, of which C are computed again for the penalty; P parameters.
"""

from collections.abc import Hashable
from typing import NamedTuple

import torch
from torch import Tensor

from gensweep.lanes._lane_index import ALL, LaneIndex, size_of


class Due(NamedTuple):
    """The lanes of a turn for which the player's penalty is computed, too."""

    rows: LaneIndex
    """Their places among the K lanes of the turn."""
    lanes: LaneIndex
    """Their slots."""
    mask: Tensor | None
    """Those among them, [C], that have to pay it; None: all but empty ones."""

    @property
    def graph_name(self) -> Hashable:
        """Name all that a graph is bound to: shapes, and whether there is a mask."""
        return size_of(self.rows), size_of(self.lanes), self.mask is None


EVERYWHERE = Due(ALL, ALL, None)


def add_where_due(grad: Tensor, extra: Tensor, times: Tensor, due: Due) -> None:
    """Add `times` [C, 1] the penalty's gradient `extra` [C, P] to that of the loss, in place."""
    before = grad[due.rows]
    new = before + times * extra
    # By choice and not by a factor of zero, which would make a NaN of what is not finite.
    grad[due.rows] = new if due.mask is None else torch.where(due.mask[:, None], new, before)
