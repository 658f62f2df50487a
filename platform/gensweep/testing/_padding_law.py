"""The law of padded latent sizes: a lane of a wider pack computes what it computes alone."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.lanes import Pack, draw
from gensweep.testing._case import BATCH, Case

STEPS = 2
"""After which weights that padding has added must still be zero."""
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
        # As the engine draws it: blank beyond the lane's own size where it is said to be a latent.
        sizes_here = [padded.lane(0).hyper]
        noise = draw(padded.game.noise[player], [0], "check", sizes=sizes_here)
        cut = {n: _cut(t, exact.game.noise[player][n].shape) for n, t in noise.items()}
        _check_alike(player, exact.loss(player, x, cut), padded.loss(player, x, noise), sizes)
    padded.run(STEPS)
    _check_blank(exact, padded, next(iter(sizes)))


def _check_blank(exact: Pack, padded: Pack, size: str) -> None:
    """`UserError` if a weight has learned that the latent size itself does not have."""
    for name, stack in padded.stacks.items():
        small = exact.stacks[name]
        outside = {n: view[0].clone() for n, view in stack.views(stack.flat).items()}
        for key, view in small.views(small.flat).items():
            outside[key][tuple(slice(0, n) for n in view[0].shape)] = 0
            if bool(outside[key].any()):
                raise UserError(
                    f"{key} of player {name!r} learns beyond the trial's own {size}: say "
                    f"latent={size!r} of its Noise."
                )


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
                f"{name} of player {player!r} changes by {gap:.2g} when {size} is padded: say "
                f"latent={size!r} of its Noise, put z last where it is joined, and use "
                f"hyper[{size!r}] in the place of tensors' sizes; "
                f"or declare {size} as `fixed`, and search it as a Categorical."
            )
