"""Takes the turns of several players at once, in every lane: simultaneous or extragradient updates.

L lanes, of which K are computed; P parameters.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.lanes._graph import Capture, Graphs
from gensweep.lanes._lane_index import ALL, LaneIndex, size_of
from gensweep.lanes._penalty import Due
from gensweep.lanes._turn import Mean, Told, Turn

ByPlayer = Mapping[str, Any]


class JointTurn:
    """Differentiates all players' losses at the same weights, and only then steps them.

    With `extragradient` that is done twice: a step to look ahead, then from the weights before it a
    step along the gradients found there (Korpelevich 1976). Moments of Adam go on through both, as
    in ExtraAdam (Gidel et al., arXiv:1802.10551, algorithm 4); batch and noise are the same.
    """

    def __init__(self, turns: Mapping[str, Turn], *, extragradient: bool, capture: Capture | None):
        self.turns, self.extragradient = turns, extragradient
        self.graphs = Graphs(capture)

    def act(
        self,
        batch: Any,
        noise: ByPlayer,
        hyper: ByPlayer,
        masks: Mapping[str, Tensor | None],
        mean_: Mean | None,
        index: LaneIndex = ALL,
        due: Mapping[str, Due] | None = None,
    ) -> dict[str, Told]:
        """Take the turns of the players in `masks`; return what each is told.

        All but `batch` are by player, and as in `Turn.act`.
        """
        due = due or {}
        if mean_ is not None:
            return self._act(index, batch, noise, hyper, masks, due, mean_)
        acting = tuple((player, mask is None) for player, mask in masks.items())
        name = size_of(index), acting, tuple((player, d.graph_name) for player, d in due.items())
        found: dict[str, Told] = self.graphs(
            name, self._act, index, batch, noise, hyper, masks, due
        )
        return found

    def _act(
        self, index: LaneIndex, batch: Any, noise: ByPlayer, hyper: ByPlayer,
        masks: Mapping[str, Tensor | None], due: Mapping[str, Due], mean_: Mean | None = None,
    ) -> dict[str, Told]:  # fmt: skip
        if self.extragradient:
            before = {name: self._weights(name) for name in masks}
            self._step_all(index, batch, noise, hyper, masks, due, mean_)
            ahead = self._gradients(index, batch, noise, hyper, masks, due, mean_)
            for name, weights in before.items():
                for room, old in zip(self._state(name), weights, strict=True):
                    room.copy_(old)
            self._steps(ahead, index, hyper, masks)
            found = ahead
        else:
            found = self._step_all(index, batch, noise, hyper, masks, due, mean_)
        return {name: told for name, (_, told) in found.items()}

    def _step_all(self, index: LaneIndex, *args: Any) -> dict[str, Any]:
        batch, noise, hyper, masks, due, mean_ = args
        grads = self._gradients(index, batch, noise, hyper, masks, due, mean_)
        self._steps(grads, index, hyper, masks)
        return grads

    def _gradients(
        self, index: LaneIndex, batch: Any, noise: ByPlayer, hyper: ByPlayer,
        masks: Mapping[str, Tensor | None], due: Mapping[str, Due], mean_: Mean | None,
    ) -> dict[str, Any]:  # fmt: skip
        found = {
            name: self.turns[name].whole_gradient(
                batch, noise[name], hyper[name], index, mask, due.get(name)
            )
            for name, mask in masks.items()
        }
        if mean_ is not None:
            for name, (grad, *_) in found.items():
                self.turns[name].average_over_ranks(grad, mean_)
        return {
            name: (grad, self.turns[name].with_norm(told, grad, index))
            for name, (grad, told) in found.items()
        }

    def _steps(
        self, found: ByPlayer, index: LaneIndex, hyper: ByPlayer,
        masks: Mapping[str, Tensor | None],
    ) -> None:  # fmt: skip
        for name, (grad, *_) in found.items():
            self.turns[name].step(grad, hyper[name], masks[name], index)

    def _state(self, name: str) -> list[Tensor]:
        """The weights and the averages, of which the step that looks ahead must keep nothing."""
        stack = self.turns[name].stack
        averages = [] if stack.ema is None else [stack.ema, *stack.ema_buffers.values()]
        return [stack.flat, *averages]

    def _weights(self, name: str) -> list[Tensor]:
        return [torch.clone(one) for one in self._state(name)]
