"""Measures how far a turn moves a player's weights, in proportion to them.

L lanes, of which K are computed; P parameters.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from gensweep.lanes._lane_index import LaneIndex, scatter
from gensweep.lanes._stack import Stack

UPDATE_RATIO = "_update_ratio"
"""After a player's name: how its metric is called."""
LEAST = 1e-30
"""Of a norm that divides: a player of zeros that does not move has the ratio 0."""


class UpdateRatio:
    """Keeps the weights of players as they are, and compares them with those after their turn.

    Outside of what a turn traces or a CUDA graph captures, because few turns are measured.
    """

    def __init__(self, stacks: Mapping[str, Stack], players: Iterable[str], index: LaneIndex):
        self._stacks, self._index = stacks, index
        self._before = {name: stacks[name].flat[index].clone() for name in players}

    def of(self, player: str) -> Tensor:
        """Return the norm of the update over that of the weights after it, [L]; 0 if not computed.

        The update is all that changed the weights: rate, clipping, decay and bounds included.
        """
        now = self._stacks[player].flat[self._index]
        moved = torch.linalg.vector_norm(now - self._before[player], dim=1)
        ratio = moved / torch.linalg.vector_norm(now, dim=1).clamp(min=LEAST)
        spread: Tensor = scatter(ratio, self._index, self._stacks[player].lanes)
        return spread
