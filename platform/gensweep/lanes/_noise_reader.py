"""Reads the noise of many samples some at a time, with the bits of all at once.

L lanes, N numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gensweep.game import Noise
from gensweep.lanes._generators import BLOCK, NoiseLayout, dtype_of, fill, generator
from gensweep.lanes._padded_latent import blank_

SKIPPED = 1 << 20
"""Numbers that are drawn at once to be passed over."""


class SampleNoise(ABC):
    """The noise of many samples, by name, that is read some samples at a time.

    `count` is the number of samples; `UserError` if what each has is not so many times there.
    """

    def __init__(self, noise: Mapping[str, Noise], count: int, owner: str, lanes: int):
        self._layout = NoiseLayout(noise, owner, count)
        self._cut, self._lanes = self._layout.cut, lanes
        slices = self._layout.slices
        self.sample_bytes = sum(
            torch.Size(slices[name][2][1:]).numel() * dtype_of(slices[name][0]).itemsize
            for name in self._cut
        )
        """Memory of the noise of one sample of one lane."""

    @abstractmethod
    def read(self, count: int) -> dict[str, Tensor]:
        """Return the noise of the next `count` samples: name to `[L, count, ...]`.

        What belongs to no sample is whole and the same each time, `[L, *shape]`.
        """

    def blank(self, count: int) -> dict[str, Tensor]:
        """Return zeros in the place of the noise of `count` samples; nothing is read."""
        return {
            name: torch.zeros(
                self._lanes, *((count, *shape[1:]) if name in self._cut else shape),
                dtype=dtype_of(kind),
            )
            for name, (kind, _, shape) in self._layout.slices.items()
        }  # fmt: skip

    def fill_up(self, noise: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
        """Repeat the last sample's noise until there are `count`, in what `read` returned."""
        return {
            name: torch.cat([one, *[one[:, -1:]] * (count - one.shape[1])], 1)
            if name in self._cut
            else one
            for name, one in noise.items()
        }


class GivenNoise(SampleNoise):
    """Noise that is there, `[lanes, count, ...]` by name, of which each lane read has one row."""

    def __init__(
        self, noise: Mapping[str, Noise], count: int, values: Mapping[str, Tensor],
        rows: Sequence[int],
    ):  # fmt: skip
        super().__init__(noise, count, "'sample'", len(rows))
        self._values = {name: values[name][list(rows)] for name in noise}
        for name, one in noise.items():
            given = tuple(self._values[name].shape[1:])
            if given != tuple(one.shape):
                due = f"{tuple(one.shape)} is due: draw it with the same sampling hyperparameters"
                raise ValueError(f"noise {name!r} of samples is {given}, where {due}.")
        self._read = 0

    def read(self, count: int) -> dict[str, Tensor]:
        start, self._read = self._read, self._read + count
        return {
            name: one[:, start : self._read] if name in self._cut else one
            for name, one in self._values.items()
        }


class NoiseReader(SampleNoise):
    """Draws what `draw` draws of the same arguments, but `read` by `read`.

    `sizes` has each lane's latent sizes.
    """

    def __init__(
        self, noise: Mapping[str, Noise], count: int, seeds: Sequence[int], *purpose: object,
        sizes: Sequence[Mapping[str, float]] = (),
    ):  # fmt: skip
        super().__init__(noise, count, f"{purpose[0]!r}", len(seeds))
        slices = self._layout.slices
        self._latents = self._layout.latents if sizes else {}
        self._sizes = sizes
        self._shapes = {name: shape for name, (_, _, shape) in slices.items()}
        self._runs = {
            name: [_Run(kind, generator(seed, *purpose, kind), start) for seed in seeds]
            for name, (kind, start, _) in slices.items()
        }
        whole = {n: shape for n, shape in self._shapes.items() if n not in self._cut}
        self._shared = {name: self._next(name, shape) for name, shape in whole.items()}

    def read(self, count: int) -> dict[str, Tensor]:
        cut = {n: self._next(n, (count, *self._shapes[n][1:])) for n in self._cut}
        return {n: cut.get(n, self._shared.get(n)) for n in self._shapes}  # type: ignore[misc]

    def _next(self, name: str, shape: tuple[int, ...]) -> Tensor:
        size = torch.Size(shape)
        found = torch.stack([run.read(size.numel()).view(size) for run in self._runs[name]])
        if field := self._latents.get(name):
            kind = self._layout.slices[name][0]
            for lane, sizes in zip(found, self._sizes, strict=True):
                blank_(lane, kind, sizes.get(field))
        return found


class _Run:
    """Reads a stream of numbers of one kind, from the number `start` on."""

    def __init__(self, kind: str, source: torch.Generator, start: int):
        self._kind, self._source = kind, source
        self._rest = torch.empty(0, dtype=dtype_of(kind))
        for at in range(0, start, SKIPPED):
            self.read(min(SKIPPED, start - at))

    def read(self, count: int) -> Tensor:
        """Return the next numbers `[count]`."""
        # Whole blocks, as torch fills normals: those left over are the first of the next call.
        missing = -(-max(0, count - len(self._rest)) // BLOCK) * BLOCK
        room = torch.empty(missing, dtype=self._rest.dtype)
        fill(room, self._kind, self._source)
        found = torch.cat([self._rest, room]) if len(self._rest) else room
        self._rest = found[count:].clone()
        return found[:count]
