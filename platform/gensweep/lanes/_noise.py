"""Noise that depends on the lane's own seed and progress, and on nothing else.

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


def derive(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose of a trial.

    >>> derive(1, "order", 0) == derive(1, "order", 0) != derive(1, "order", 1)
    True
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A generator of its own for one purpose of a trial."""
    return torch.Generator().manual_seed(derive(seed, *purpose))


class NoiseLayout:
    """Where in one flat run of numbers each named noise of an evaluation lies."""

    def __init__(self, noise: Mapping[str, Noise]):
        self.slices: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        self.numbers = dict.fromkeys(KINDS, 0)
        for name, one in noise.items():
            self.slices[name] = (one.kind, self.numbers[one.kind], tuple(one.shape))
            self.numbers[one.kind] += math.prod(one.shape)
        self.numbers = {k: -(-n // _BLOCK) * _BLOCK for k, n in self.numbers.items()}

    def buffers(self, lanes: int, ticks: int) -> dict[str, Tensor]:
        """Room for `ticks` evaluations of every lane: kind to `[L, T, N]`."""
        return {k: torch.zeros(lanes, ticks, n) for k, n in self.numbers.items() if n}

    def named(self, flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One tick's numbers, kind to `[L, N]`, as name to `[L, *shape]`."""
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
    """Noise for one evaluation outside training: name to `[L, *shape]`, one seed a lane."""
    layout = NoiseLayout(noise)
    rooms = layout.buffers(len(seeds), 1)
    for kind, room in rooms.items():
        for lane, seed in enumerate(seeds):
            fill(room[lane], kind, generator(seed, *purpose, kind))
    return layout.named({kind: room[:, 0] for kind, room in rooms.items()})
