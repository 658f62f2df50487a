"""Calls methods of a game outside training: many lanes at once, in evaluation mode, no gradient.

L lanes.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._functional import Stacked, eval_mode, nets_of, over_lanes
from gensweep.lanes._loss_result import Inputs
from gensweep.lanes._purity import Purity
from gensweep.lanes._stack import Stack

Weights = tuple[dict[str, Tensor], Stacked]
"""Weights [L, P] and buffers of some lanes by player, as their samples use them."""


def sampling_state(stacks: Mapping[str, Stack], slots: list[int]) -> Weights:
    """Copy what networks of the lanes in `slots` compute with: averages if there are some."""
    flats = {n: s.sampling_weights()[slots] for n, s in stacks.items()}
    buffers = {n: {k: b[slots] for k, b in s.sampling_buffers().items()} for n, s in stacks.items()}
    return flats, buffers


USUAL = ("noise", "hyper", "condition")
KINDS = {"sample_step": (None, None, *USUAL), "sample_end": (None, "hyper", "condition")}
"""Method to the kinds of its inputs; None: what the game itself made."""


class Caller:
    """Calls methods of `game`, whose networks are the modules of `stacks`."""

    def __init__(self, game: Game, stacks: Mapping[str, Stack], purity: Purity):
        self.game, self.stacks, self.purity = game, stacks, purity

    def __call__(
        self, method: str, weights: Weights, *inputs: Any, shared: tuple[Tensor, ...] = (),
        within: AbstractContextManager[None] | None = None, slopes: bool = False,
    ) -> Any:  # fmt: skip
        """Call `game.method(nets, *shared, *inputs)` for each lane of `weights`: [L, ...].

        `inputs` are trees of tensors with these lanes in front. The call is made `within` what may
        set some layers to training mode. With `slopes` return the gradient of the sum of what the
        method gives by the first of `shared`, in its place.
        """

        def one(params: Stacked, buffers: Stacked, *inputs: Any) -> Any:
            averages = {n: params[n] for n, s in self.stacks.items() if s.ema is not None}
            nets = nets_of(self.stacks, params, buffers, averages)
            named = [_named(method, *each) for each in zip(kinds, inputs, strict=False)]
            call = partial(getattr(self.game, method), _named(method, "network", nets))
            with self.purity.watch(method):
                if not slopes:
                    return call(*shared, *named)
                first, *others = shared
                return torch.func.grad(lambda at: call(at, *others, *named).sum())(first)

        kinds = KINDS.get(method, USUAL)
        flats, buffers = weights
        params = {name: self.stacks[name].views(flat) for name, flat in flats.items()}
        lanes = len(next(iter(flats.values())))
        with eval_mode(self.stacks), within or nullcontext(), torch.no_grad():
            return over_lanes(one, lanes)(params, buffers, *inputs)


def _named(method: str, kind: str | None, values: Any) -> Any:
    """Give inputs of a kind a message for names that are not there."""
    return values if kind is None else Inputs(kind, f"`{method}`", values)
