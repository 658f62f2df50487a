"""Generators and layouts of random numbers: a lane's depend on its own seed and progress alone.

Every player has one stream of normal and one of uniform numbers. A tick takes a multiple of 16
of each, the block in which torch fills normals, so that a stream is the same however many ticks
are drawn at once. Keys have a generator for every tick instead, so that nothing of them is stored.
L lanes, T ticks, N numbers a tick.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import Noise
from gensweep.lanes._padded_latent import blank_, latent_fields

BLOCK = 16
KINDS = ("normal", "uniform")
"""Kinds of which a player has a stream, whose state is part of the lane's."""
KEY = "key"
_CHOICES = {"kind": (*KINDS, KEY), "per": ("example", "lane")}


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
    """Places each named noise of an evaluation in one flat run of numbers for each kind.

    `owner` says in an error whose it is, `examples` is the leading size of what each example has.
    """

    def __init__(
        self, noise: Mapping[str, Noise], owner: str = "the model", examples: int | None = None
    ):
        self.slices: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        self.cut = {n for n, one in noise.items() if getattr(one, "per", "example") == "example"}
        """Names of what each example has its part of."""
        self.latents = latent_fields(noise)
        self.numbers = dict.fromkeys(_CHOICES["kind"], 0)
        for name, one in noise.items():
            _check(one, f"noise {name!r} of {owner}", examples if name in self.cut else None)
            self.slices[name] = (one.kind, self.numbers[one.kind], tuple(one.shape))
            self.numbers[one.kind] += math.prod(one.shape)
        # torch fills normals in blocks of 16 and rounds the rest otherwise: whole blocks each tick.
        self.numbers = {k: -(-n // BLOCK) * BLOCK for k, n in self.numbers.items()}

    @property
    def tick_bytes(self) -> int:
        """Memory of the noise of one evaluation of one lane."""
        return sum(n * dtype_of(kind).itemsize for kind, n in self.numbers.items())

    def buffers(self, lanes: int, ticks: int) -> dict[str, Tensor]:
        """Allocate the noise of `ticks` evaluations of every lane: kind to `[L, T, N]`."""
        return {
            kind: torch.zeros(lanes, ticks, n, dtype=dtype_of(kind))
            for kind, n in self.numbers.items()
            if n
        }

    def blank_padding(self, rows: Tensor, kind: str, sizes: Mapping[str, float]) -> None:
        """Blank, in a lane's numbers of one kind [T, N], what its latent sizes do not have."""
        for name, field in self.latents.items():
            own, start, shape = self.slices[name]
            if own == kind:
                part = rows[:, start : start + math.prod(shape)]
                blank_(part.view(len(rows), *shape), kind, sizes.get(field))

    def named(self, flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cut one tick's numbers, kind to `[L, N]`, into name to `[L, *shape]`."""
        lanes = {k: v.shape[0] for k, v in flat.items()}
        return {
            name: flat[kind][:, start : start + math.prod(shape)].reshape(lanes[kind], *shape)
            for name, (kind, start, shape) in self.slices.items()
        }


def _check(noise: Noise, what: str, examples: int | None) -> None:
    for field, choices in _CHOICES.items():
        value = getattr(noise, field, choices[0])
        if value not in choices:
            raise UserError(f"{what} has {field}={value!r}: choose {', '.join(choices)}.")
    shape = tuple(noise.shape)
    if examples is not None and shape[:1] != (examples,):
        raise UserError(
            f"{what} is of each example, so {examples} must be its first size, but it has "
            f"{shape=}: say per='lane' if it is of none."
        )


def dtype_of(kind: str) -> torch.dtype:
    """Return the type of numbers of a kind."""
    return torch.int64 if kind == KEY else torch.float32


def fill(room: Tensor, kind: str, source: torch.Generator) -> None:
    """Fill contiguous `room` with the next numbers of `source`."""
    if kind == "normal":
        room.normal_(generator=source)
    elif kind == KEY:
        room.random_(generator=source)
    else:
        room.uniform_(generator=source)


def fill_keys(room: Tensor, seed: int, player: str, tick: int) -> None:
    """Fill `room` `[T, N]` with the keys of a player's ticks from `tick` on."""
    for number, row in enumerate(room, tick):
        fill(row, KEY, generator(seed, "noise", player, KEY, number))


def draw(
    noise: Mapping[str, Noise], seeds: list[int], *purpose: object,
    sizes: Sequence[Mapping[str, float]] = (),
) -> dict[str, Tensor]:  # fmt: skip
    """Draw the noise of one evaluation outside training, one seed a lane: name to `[L, *shape]`.

    `sizes` has each lane's latent sizes, where noise is of such.
    """
    layout = NoiseLayout(noise, f"{purpose[0]!r}")
    rooms = layout.buffers(len(seeds), 1)
    for kind, room in rooms.items():
        for lane, seed in enumerate(seeds):
            fill(room[lane], kind, generator(seed, *purpose, kind))
            if sizes:
                layout.blank_padding(room[lane], kind, sizes[lane])
    return layout.named({kind: room[:, 0] for kind, room in rooms.items()})
