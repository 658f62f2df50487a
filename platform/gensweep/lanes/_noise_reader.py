"""Reads the noise of many samples some at a time, with the bits of all drawn at once.

L lanes, N numbers.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gensweep.game import Noise
from gensweep.lanes._generators import BLOCK, NoiseLayout, dtype_of, fill, generator
from gensweep.lanes._padded_latent import blank_

SKIPPED = 1 << 20
"""Numbers that are drawn at once to be passed over."""


class NoiseReader:
    """Draws what `draw` draws of the same arguments, but `read` by `read`.

    `sizes` has each lane's latent sizes. `count` is the number of samples; `UserError` if what each
    has is not so many times there.
    """

    def __init__(
        self, noise: Mapping[str, Noise], count: int, seeds: Sequence[int], *purpose: object,
        sizes: Sequence[Mapping[str, float]] = (),
    ):  # fmt: skip
        layout = NoiseLayout(noise, f"{purpose[0]!r}", count)
        self._cut = layout.cut
        self._kinds = {name: kind for name, (kind, _, _) in layout.slices.items()}
        self._latents = layout.latents if sizes else {}
        self._seeds, self._sizes = seeds, sizes
        self._shapes = {name: shape for name, (_, _, shape) in layout.slices.items()}
        self._runs = {
            name: [_Run(kind, generator(seed, *purpose, kind), start) for seed in seeds]
            for name, (kind, start, _) in layout.slices.items()
        }
        whole = {n: shape for n, shape in self._shapes.items() if n not in self._cut}
        self._shared = {name: self._next(name, shape) for name, shape in whole.items()}
        self.sample_bytes = sum(
            torch.Size(shape[1:]).numel() * dtype_of(layout.slices[name][0]).itemsize
            for name, shape in self._shapes.items()
            if name in self._cut
        )
        """Memory of the noise of one sample of one lane."""

    def read(self, count: int) -> dict[str, Tensor]:
        """Return the noise of the next `count` samples: name to `[L, count, ...]`.

        What belongs to no sample is whole and the same each time, `[L, *shape]`.
        """
        cut = {n: self._next(n, (count, *self._shapes[n][1:])) for n in self._cut}
        return {n: cut.get(n, self._shared.get(n)) for n in self._shapes}  # type: ignore[misc]

    def blank(self, count: int) -> dict[str, Tensor]:
        """Return zeros in the place of the noise of `count` samples; nothing is read."""
        lanes = len(self._seeds)
        rows = {n: (count, *s[1:]) if n in self._cut else s for n, s in self._shapes.items()}
        return {n: torch.zeros(lanes, *s, dtype=dtype_of(self._kinds[n])) for n, s in rows.items()}

    def fill_up(self, noise: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
        """Repeat the last sample's noise until there are `count`, in what `read` returned."""
        return {
            name: torch.cat([one, *[one[:, -1:]] * (count - one.shape[1])], 1)
            if name in self._cut
            else one
            for name, one in noise.items()
        }

    def _next(self, name: str, shape: tuple[int, ...]) -> Tensor:
        size = torch.Size(shape)
        found = torch.stack([run.read(size.numel()).view(size) for run in self._runs[name]])
        if field := self._latents.get(name):
            for lane, sizes in zip(found, self._sizes, strict=True):
                blank_(lane, self._kinds[name], sizes[field])
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
