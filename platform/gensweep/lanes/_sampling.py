"""Draws samples in batches that fit a bound of memory, and takes long samplers step by step.

L lanes, S samples of a batch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gensweep.lanes._batches_and_noise import to_device
from gensweep.lanes._inference import Caller, Weights, sampling_state
from gensweep.lanes._noise_reader import NoiseReader
from gensweep.lanes._traces import Traces

SAMPLING_BYTES = 256 << 20
"""Most memory of the noise and the samples of a batch, all lanes together."""
REMEMBERED = 8
"""Sizes of a batch whose traced step is kept."""
Step = Callable[..., Any]


class Sampler:
    """Draws samples `[L, count, *shape]` of the game that `call` calls.

    `trace`: the step of a long sampler is traced once for each size of a batch, and replayed.
    """

    def __init__(self, call: Caller, shape: tuple[int, ...], *, device: torch.device, trace: bool):
        self.call, self._shape = call, shape
        self._device, self._trace = device, trace
        self._steps: dict[int, Step] = {}

    def draw(
        self, slots: list[int], noise: NoiseReader, count: int, hyper: Mapping[str, Tensor],
        *given: Mapping[str, Tensor],
    ) -> Tensor:  # fmt: skip
        """Draw `count` samples of each lane in `slots`; `hyper` has these lanes in front.

        `given` is what they are conditioned on, [L, count, ...] by name, if there is anything.
        """
        weights = sampling_state(self.call.stacks, slots)
        size = self._batch_size(noise, count, len(slots))
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

    def _batch_size(self, noise: NoiseReader, count: int, lanes: int) -> int:
        """Return the size of equal batches, the fewest that keep to the bound."""
        # Without noise of each sample nothing tells the game how many a part of them is.
        if not noise.sample_bytes:
            return count
        sample_bytes = noise.sample_bytes + prod(self._shape) * torch.float32.itemsize
        most = max(1, SAMPLING_BYTES // (lanes * sample_bytes))
        batches = max(1, -(-count // most))
        return -(-count // batches)

    def _batch(
        self, weights: Weights, drawn: Mapping[str, Tensor], hyper: Mapping[str, Tensor], size: int,
        *given: Mapping[str, Tensor],
    ) -> Tensor:  # fmt: skip
        noise = {name: to_device(one, self._device) for name, one in drawn.items()}
        game: Any = self.call.game
        if not hasattr(game, "sample_step"):
            samples: Tensor = self.call("sample", weights, noise, dict(hyper), *given)
            return samples
        state = self.call("sample_begin", weights, noise, dict(hyper), *given)
        take = self._step(size)
        lanes = len(next(iter(hyper.values())))
        for number in torch.arange(game.sample_steps, device=self._device):
            # A trace is one of strides too: steps may leave others than they began from.
            state = pytree.tree_map(torch.Tensor.contiguous, state)
            state = take(weights, state, number.repeat(lanes), noise, dict(hyper), *given)
        ended: Tensor = self.call("sample_end", weights, state, dict(hyper), *given)
        return ended

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
