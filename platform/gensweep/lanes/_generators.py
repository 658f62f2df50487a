"""Generators and layouts of random numbers: a lane's depend on its own seed and progress alone.

Every player has one stream of normal and one of uniform numbers. A tick takes a multiple of 16
of each, the block in which torch fills normals, so that a stream is the same however many ticks
are drawn at once. L lanes, T ticks, N numbers a tick.
"""

import hashlib
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gensweep.game import Noise

_BLOCK = 16
KINDS = ("normal", "uniform")


def derive_seed(seed: int, *purpose: object) -> int:
    """Derive a 63-bit seed for one purpose of a trial.

    >>> derive_seed(1, "order", 0) == derive_seed(1, "order", 0) != derive_seed(1, "order", 1)
    True
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """Make a generator for one purpose of a trial, independent of those for others."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


class NoiseLayout:
    """Places each named noise of an evaluation in one flat run of numbers for each kind."""

    def __init__(self, noise: Mapping[str, Noise]):
        self.slices: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        self.numbers = dict.fromkeys(KINDS, 0)
        for name, one in noise.items():
            self.slices[name] = (one.kind, self.numbers[one.kind], tuple(one.shape))
            self.numbers[one.kind] += math.prod(one.shape)
        # torch fills normals in blocks of 16 and rounds the rest otherwise: whole blocks each tick.
        self.numbers = {k: -(-n // _BLOCK) * _BLOCK for k, n in self.numbers.items()}

    def buffers(self, lanes: int, ticks: int) -> dict[str, Tensor]:
        """Allocate the noise of `ticks` evaluations of every lane: kind to `[L, T, N]`."""
        return {k: torch.zeros(lanes, ticks, n) for k, n in self.numbers.items() if n}

    def named(self, flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cut one tick's numbers, kind to `[L, N]`, into name to `[L, *shape]`."""
        lanes = {k: v.shape[0] for k, v in flat.items()}
        return {
            name: flat[kind][:, start : start + math.prod(shape)].reshape(lanes[kind], *shape)
            for name, (kind, start, shape) in self.slices.items()
        }


def fill(room: Tensor, kind: str, source: torch.Generator) -> None:
    """Fill contiguous `room` with the next numbers of `source`."""
    if kind == "normal":
        room.normal_(generator=source)
    else:
        room.uniform_(generator=source)


def draw(noise: Mapping[str, Noise], seeds: list[int], *purpose: object) -> dict[str, Tensor]:
    """Draw the noise of one evaluation outside training, one seed a lane: name to `[L, *shape]`."""
    layout = NoiseLayout(noise)
    rooms = layout.buffers(len(seeds), 1)
    for kind, room in rooms.items():
        for lane, seed in enumerate(seeds):
            fill(room[lane], kind, generator(seed, *purpose, kind))
    return layout.named({kind: room[:, 0] for kind, room in rooms.items()})
