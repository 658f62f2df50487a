"""Schedules: the factor of a player's learning rate, as a function of its own progress.

L lanes.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gensweep.game import Player

Schedule = Callable[[Tensor], Tensor]
WARMUP = 0.05
"""Part of the player's progress in which a schedule that warms up rises from zero to one."""
BLOCK = 32
"""Numbers that a CPU's vector units take at a time, at most."""


def linear(progress: Tensor) -> Tensor:
    """Fall evenly from one to zero."""
    return 1 - progress


def cosine(progress: Tensor) -> Tensor:
    """Fall from one to zero by half a cosine (Loshchilov and Hutter, arXiv:1608.03983)."""
    return (1 + (math.pi * progress).cos()) / 2


def warmup_linear(progress: Tensor) -> Tensor:
    """Rise to one in the first `WARMUP`, then fall evenly to zero."""
    return _warm_up(progress, linear)


def warmup_cosine(progress: Tensor) -> Tensor:
    """Rise to one in the first `WARMUP`, then fall to zero by half a cosine."""
    return _warm_up(progress, cosine)


def _warm_up(progress: Tensor, after: Schedule) -> Tensor:
    rest = (progress - WARMUP).clamp(min=0) / (1 - WARMUP)
    return torch.where(progress < WARMUP, progress / WARMUP, after(rest))


SCHEDULES: dict[str, Schedule] = {
    "constant": torch.ones_like,
    "linear": linear,
    "cosine": cosine,
    "warmup_linear": warmup_linear,
    "warmup_cosine": warmup_cosine,
}
"""The schedules that a player may have by name; it may also have a function of its own."""


def schedule_of(player: Player) -> Schedule | None:
    """Return the player's schedule; None if its learning rate is constant."""
    if player.schedule == "constant":
        return None
    return SCHEDULES[player.schedule] if isinstance(player.schedule, str) else player.schedule


def lane_factors(player: Player, hyper: Mapping[str, Tensor]) -> list[float] | None:
    """Return each lane's factor in double precision; None if the learning rate is constant."""
    factor = schedule_of(player)
    if factor is None:
        return None
    progress = hyper["progress"]
    if factor is linear:  # the usual one, without the price of tensors
        return [1 - p for p in progress.tolist()]
    # A vector unit may round otherwise than the routine for the rest, so each lane fills a block:
    # its factor must not depend on how many lanes there are.
    blocks = progress.double()[:, None].repeat(1, BLOCK)
    return factor(blocks)[:, 0].tolist()
