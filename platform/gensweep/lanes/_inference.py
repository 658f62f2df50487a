"""Calls methods of a game outside training: many lanes at once, in evaluation mode, no gradient.

L lanes.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._functional import Stacked, eval_mode, nets_of, over_lanes
from gensweep.lanes._purity import Purity
from gensweep.lanes._stack import Stack

Weights = tuple[dict[str, Tensor], Stacked]
"""Weights [L, P] and buffers of some lanes by player, as their samples use them."""


def sampling_state(stacks: Mapping[str, Stack], slots: list[int]) -> Weights:
    """Copy what networks of the lanes in `slots` compute with: averages if there are some."""
    flats = {n: s.sampling_weights()[slots] for n, s in stacks.items()}
    buffers = {n: {k: b[slots] for k, b in s.sampling_buffers().items()} for n, s in stacks.items()}
    return flats, buffers


class Caller:
    """Calls methods of `game`, whose networks are the modules of `stacks`."""

    def __init__(self, game: Game, stacks: Mapping[str, Stack], purity: Purity):
        self.game, self.stacks, self.purity = game, stacks, purity

    def __call__(
        self, method: str, weights: Weights, *inputs: Any, shared: tuple[Tensor, ...] = (),
        within: AbstractContextManager[None] | None = None,
    ) -> Any:  # fmt: skip
        """Call `game.method(nets, *shared, *inputs)` for each lane of `weights`: [L, ...].

        `inputs` are trees of tensors with these lanes in front. The call is made `within` what may
        set some layers to training mode.
        """

        def one(params: Stacked, buffers: Stacked, *inputs: Any) -> Any:
            averages = {n: params[n] for n, s in self.stacks.items() if s.ema is not None}
            nets = nets_of(self.stacks, params, buffers, averages)
            with self.purity.watch(method):
                return getattr(self.game, method)(nets, *shared, *inputs)

        flats, buffers = weights
        params = {name: self.stacks[name].views(flat) for name, flat in flats.items()}
        lanes = len(next(iter(flats.values())))
        with eval_mode(self.stacks), within or nullcontext(), torch.no_grad():
            return over_lanes(one, lanes)(params, buffers, *inputs)
