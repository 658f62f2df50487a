"""Draws samples in batches that fit a bound of memory, and takes long samplers step by step.

L lanes, S samples of a batch.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gensweep.lanes._batches_and_noise import to_device
from gensweep.lanes._inference import Caller, Weights, sampling_state
from gensweep.lanes._live_bytes import LiveBytes
from gensweep.lanes._noise_reader import SampleNoise
from gensweep.lanes._traces import Traces

SAMPLING_BYTES = {"cpu": 256 << 20, "cuda": 2 << 30}
"""Most memory of a batch, all lanes together: noise, samples and what networks compute on the way.
"""
FEW = 64
"""As many samples are one batch in any case."""
REMEMBERED = 8
"""Sizes of a batch whose traced step is kept."""
Step = Callable[..., Any]


class Sampler:
    """Draws samples `[L, count, *shape]` of the game that `call` calls.

    `trace`: the step of a long sampler is traced once for each size of a batch, and replayed.
    `most_steps` stop a long sampler early, for checks, which judge no sample.
    """

    def __init__(
        self, call: Caller, shape: tuple[int, ...], *, device: torch.device, trace: bool,
        most_steps: int | None = None,
    ):  # fmt: skip
        self.call, self._shape = call, shape
        self._device, self._trace, self._most_steps = device, trace, most_steps
        self._steps: dict[int, Step] = {}
        self._bytes: dict[int, int] = {}
        """Number of lanes to what one more sample of each takes."""

    def draw(
        self, slots: list[int], noise: SampleNoise, count: int, hyper: Mapping[str, Tensor],
        *given: Mapping[str, Tensor],
    ) -> Tensor:  # fmt: skip
        """Draw `count` samples of each lane in `slots`; `hyper` has these lanes in front.

        `given` is what they are conditioned on, [L, count, ...] by name, if there is anything.
        """
        weights = sampling_state(self.call.stacks, slots)
        size = self.batch_size(weights, noise, count, hyper, *given)
        if size >= count:
            return self._batch(weights, noise.read(count), hyper, count, *given)
        room = torch.empty(len(slots), count, *self._shape, device=self._device)
        for start in range(0, count, size):
            wanted = room[:, start : start + size]
            # The last batch is filled up: kernels, and with them last bits, depend on the size.
            drawn = noise.fill_up(noise.read(wanted.shape[1]), size)
            part = (_rows(one, start, size) for one in given)
            batch = self._batch(weights, drawn, hyper, size, *part)
            wanted.copy_(batch[:, : wanted.shape[1]])
        return room

    def batch_size(
        self, weights: Weights, noise: SampleNoise, count: int, hyper: Mapping[str, Tensor],
        *given: Mapping[str, Tensor],
    ) -> int:  # fmt: skip
        """Return the size of equal batches, the fewest that keep to the bound."""
        # Without noise of each sample nothing tells the game how many a part of them is.
        if not noise.sample_bytes or count <= FEW:
            return count
        lanes = len(next(iter(hyper.values())))
        if lanes not in self._bytes:
            self._bytes[lanes] = self._sample_bytes(weights, noise, hyper, *given)
        most = max(1, SAMPLING_BYTES[self._device.type] // self._bytes[lanes])
        batches = max(1, -(-count // most))
        return -(-count // batches)

    def _sample_bytes(
        self, weights: Weights, noise: SampleNoise, hyper: Mapping[str, Tensor],
        *given: Mapping[str, Tensor],
    ) -> int:  # fmt: skip
        """Measure what one more sample takes in all lanes, by drawing one and two."""
        peaks = []
        for count in (1, 2):
            live = LiveBytes()
            with live:
                part = (_rows(one, 0, count) for one in given)
                self._batch(weights, noise.blank(count), hyper, count, *part, most_steps=1)
            peaks.append(live.peak)
        return max(1, peaks[1] - peaks[0])

    def _batch(
        self, weights: Weights, drawn: Mapping[str, Tensor], hyper: Mapping[str, Tensor], size: int,
        *given: Mapping[str, Tensor], most_steps: int | None = None,
    ) -> Tensor:  # fmt: skip
        game: Any = self.call.game
        if not hasattr(game, "sample_step"):
            noise = self._on_device(drawn)
            samples: Tensor = self.call("sample", weights, noise, dict(hyper), *given)
            return samples
        take = self._step(size) if most_steps is None else partial(self.call, "sample_step")
        steps = min(game.sample_steps, most_steps or self._most_steps or game.sample_steps)
        # of a thousand steps one state at a time
        state = deque(self._states(weights, drawn, hyper, take, steps, *given), maxlen=1).pop()
        ended: Tensor = self.call("sample_end", weights, state, dict(hyper), *given)
        return ended

    def draw_unfinished(
        self, slots: list[int], noise: SampleNoise, count: int, hyper: Mapping[str, Tensor],
        after: Sequence[int], *given: Mapping[str, Tensor],
    ) -> Tensor:  # fmt: skip
        """Draw as `draw` does, in one batch, what samples are `after` so many steps of a sampler.

        `[L, len(after), count, *shape]`; 0 is what the first step begins from.
        """
        weights, drawn = sampling_state(self.call.stacks, slots), noise.read(count)
        states = self._states(weights, drawn, hyper, self._step(count), max(after), *given)
        ended = [
            self.call("sample_end", weights, state, dict(hyper), *given)
            for number, state in enumerate(states) if number in after
        ]  # fmt: skip
        return torch.stack(ended, 1)

    def _states(
        self, weights: Weights, drawn: Mapping[str, Tensor], hyper: Mapping[str, Tensor],
        take: Step, steps: int, *given: Mapping[str, Tensor],
    ) -> Iterator[Any]:  # fmt: skip
        """Yield what a long sampler begins from, then what each of its steps leaves."""
        noise = self._on_device(drawn)
        state = self.call("sample_begin", weights, noise, dict(hyper), *given)
        yield state
        lanes = len(next(iter(hyper.values())))
        for number in torch.arange(steps, device=self._device):
            # A trace is one of strides too: steps may leave others than they began from.
            state = pytree.tree_map(torch.Tensor.contiguous, state)
            state = take(weights, state, number.repeat(lanes), noise, dict(hyper), *given)
            yield state

    def _on_device(self, drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: to_device(one, self._device) for name, one in drawn.items()}

    def _step(self, size: int) -> Step:
        """Return the step for batches of `size`, whose trace has that number in its shapes."""
        if not self._trace:
            return partial(self.call, "sample_step")
        if size not in self._steps:
            while len(self._steps) >= REMEMBERED:
                del self._steps[next(iter(self._steps))]
            # Bits stay those of a step that is not traced, as a registered model takes it.
            self._steps[size] = Traces(partial(self.call, "sample_step"), tune=False)
        return self._steps[size]


def _rows(given: Mapping[str, Tensor], start: int, size: int) -> dict[str, Tensor]:
    """Take the conditions of a batch; the last one is repeated where samples fill it up."""
    last = next(iter(given.values())).shape[1] - 1
    rows = torch.arange(start, start + size).clamp(max=last)
    return {name: one[:, rows] for name, one in given.items()}
