"""The law of padded latent sizes: a lane of a wider pack computes what it computes alone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.testing._case import BATCH, Case

FARTHEST = 1e-3
"""Largest difference, relative to the loss, that rounding explains."""


@dataclasses.dataclass(frozen=True)
class UpTo:
    """A dimension up to `high`, to which packs are padded."""

    high: int
    low: int = 1
    kind: str = "integer"
    when: None = None


def padding_is_exact(case: Case) -> None:
    """a latent size that is padded with zeros gives the losses of the size itself"""
    sizes = case.latent_sizes
    if not sizes:
        return
    exact = case.pack(1)
    padded = case.pack(1, space={name: UpTo(2 * size + 1) for name, size in sizes.items()})
    x = case.data.gather(torch.arange(BATCH)[None])
    for player in exact.game.players:
        noise = _drawn(padded.game.noise[player])
        cut = {n: _cut(t, exact.game.noise[player][n].shape) for n, t in noise.items()}
        _check_alike(player, exact.loss(player, x, cut), padded.loss(player, x, noise), sizes)


def _drawn(noise: Mapping[str, Any]) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(0)
    return {
        n: (torch.randn if one.kind == "normal" else torch.rand)(1, *one.shape, generator=source)
        for n, one in noise.items()
    }


def _cut(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Take the leading block: the numbers that the smaller latent size has, too."""
    return tensor[(slice(None), *(slice(0, n) for n in shape))]


def _check_alike(
    player: str, exact: Mapping[str, Tensor], padded: Mapping[str, Tensor], sizes: Mapping[str, int]
) -> None:
    for name, value in exact.items():
        gap = float((padded[name] - value).abs())
        if gap > FARTHEST * max(1.0, float(value.abs())):
            size = next(iter(sizes))
            raise UserError(
                f"{name} of player {player!r} changes by {gap:.2g} when {size} is padded: put z "
                f"last where it is joined, and use hyper[{size!r}] in the place of tensors' sizes; "
                f"or declare {size} as `fixed`, and search it as a Categorical."
            )
