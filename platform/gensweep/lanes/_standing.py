"""Measures running statistics anew for samples: standing statistics.

Those of training are moving averages over weights of the past, and belong to no weights that are
averaged. Standing ones are means over batches of samples of the very weights that samples use
(BigGAN, arXiv:1809.11096, section 4.1), drawn as those are: at each truncation they are others.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes._conditions import Conditions
from gensweep.lanes._generators import derive_seed, draw
from gensweep.lanes._inference import Caller, sampling_state
from gensweep.lanes._lane import Lane
from gensweep.lanes._stack import Stack, statistics_layers
from gensweep.space import with_scope


class StandingStatistics:
    """Measures the lanes of those players that have `standing_batches`, one lane at a time.

    They depend on the lane's weights and seed alone: how many lanes there are may decide which
    kernels are taken, and so the last bits. `UserError` if such a player has no statistics.
    """

    def __init__(
        self, stacks: Mapping[str, Stack], model_name: str, batch_size: int, device: torch.device
    ):
        self._stacks = {n: s for n, s in stacks.items() if s.standing_batches}
        self._batch_size, self._device = batch_size, device
        for name, stack in self._stacks.items():
            if not stack.standing:
                raise UserError(
                    f"{model_name}: player {name!r}: standing_batches={stack.standing_batches}, "
                    "but no layer of its network keeps running statistics: drop it."
                )

    def are_due(self, lane: Lane, changes: Mapping[str, Any]) -> bool:
        """Return whether the lane's were measured at other weights, or other values of sampling.

        `changes` are values that it has in the place of its own.
        """
        return bool(self._stacks) and lane.standing_at != _moment(lane, changes)

    def measure(
        self, call: Caller, slot: int, lane: Lane, changes: Mapping[str, Any],
        hyper: Mapping[str, Tensor], given: Conditions,
    ) -> None:  # fmt: skip
        """Measure the lane in `slot` by samples of the game that `call` calls.

        `hyper` has this lane in front, with the `changes`.
        """
        for name, stack in self._stacks.items():
            weights = sampling_state(call.stacks, [slot])
            for key in stack.standing:
                weights[1][name][key].zero_()
            layers = _Measured(statistics_layers(stack.module))
            for number in range(stack.standing_batches):
                seed, count = derive_seed(lane.seed, "standing", name, number), self._batch_size
                drawn = draw(call.game.sample_noise(count), [seed], "sample", sizes=[lane.hyper])
                noise = {n: one.to(self._device) for n, one in drawn.items()}
                last = given.drawn(count, seed)
                call("sample", weights, noise, dict(hyper), *last, within=layers)
            means = layers.means()
            for key, room in stack.standing.items():
                # What no sample needs, such as an encoder, keeps the statistics of training.
                room[slot] = means.get(key, stack.buffers[key][slot])
        lane.standing_at = _moment(lane, changes)


def _moment(lane: Lane, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Name the state that statistics belong to; JSON has it as it is."""
    return {"ticks": lane.ticks} | with_scope(lane.config, "sampling") | dict(changes)


class _Measured:
    """Within it, layers normalise by the batch; its statistics are added up, call by call."""

    def __init__(self, layers: Mapping[str, nn.Module]):
        self._layers = layers
        self._sums: dict[str, Tensor] = {}
        self._calls: Counter[str] = Counter()
        self._restore: list[Any] = []

    def __enter__(self) -> None:
        for name, layer in self._layers.items():
            hook = layer.register_forward_hook(lambda one, *_, name=name: self._add(name, one))
            self._restore.append((layer, layer.momentum, hook))
            layer.train()
            layer.momentum = 1.0  # type: ignore[assignment]  # all of this batch, none of others

    def __exit__(self, *error: object) -> None:
        for layer, momentum, hook in self._restore:
            layer.momentum = momentum
            hook.remove()
        self._restore.clear()

    def _add(self, name: str, layer: nn.Module) -> None:
        self._calls[name] += 1
        for key, one in layer.named_buffers(recurse=False):
            whole = f"{name}.{key}".lstrip(".")
            self._sums[whole] = self._sums.get(whole, 0) + one  # a new tensor each time

    def means(self) -> dict[str, Tensor]:
        """Return the mean over all calls of each layer's buffers, by name."""
        return {key: total / self._calls[key.rpartition(".")[0]]
                for key, total in self._sums.items()}  # fmt: skip
