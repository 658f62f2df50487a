"""The laws of what a game tells of its samples: their styles, attention and growth.

L lanes, B samples.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.lanes import Pack
from gensweep.testing._calls import one_line

FARTHEST = 1e-2
"""Largest difference from samples that rounding explains."""

Columns = Mapping[str, Tensor]


def check_of_samples(
    pack: Pack, name: str, count: int, drawn: Columns, given: Columns | None, found: Any
) -> None:
    """`UserError` unless `found`, of noise [L, count, ...], is that of these samples."""
    samples = pack.sample(count, noise=drawn, given=given)
    if not isinstance(found, Tensor) or found.shape[:2] != samples.shape[:2]:
        got = list(found.shape[1:]) if isinstance(found, Tensor) else type(found).__name__
        raise UserError(f"`{name}` returns {got} for {count} samples: begin with these.")
    CHECKS[name](pack, drawn, given, found, samples)


def _check_attention(
    pack: Pack, drawn: Columns, given: Columns | None, found: Tensor, samples: Tensor
) -> None:
    if found.ndim != 6:
        raise UserError(f"`attention` returns {list(found.shape[1:])}: [B, H, W, h, w] is due.")
    sums = found.sum((-2, -1))
    if bool((found < 0).any()) or not bool((sums - 1).abs().max() < 1e-3):
        raise UserError("`attention` returns weights that are below 0, or have not the sum 1.")


def _check_growth(
    pack: Pack, drawn: Columns, given: Columns | None, found: Tensor, samples: Tensor
) -> None:
    if found.shape[3:] != samples.shape[2:]:
        due = ["B", "stages", *samples.shape[2:]]
        raise UserError(f"`growth` returns {list(found.shape[1:])}: {due} is due.")
    _check_like("the last stage of `growth`", found[:, :, -1], samples)


def _check_styles(
    pack: Pack, drawn: Columns, given: Columns | None, found: Tensor, samples: Tensor
) -> None:
    groups = getattr(pack.game, "style_groups", {})
    layers = [layer for group in groups.values() for layer in group]
    if found.ndim != 4 or layers != list(range(found.shape[2])):
        raise UserError(
            f"`styles` returns {list(found.shape[1:])}, and `style_groups` has layers {layers}: "
            "[B, N, W] is due, and each of N layers in its order."
        )
    with one_line(pack.game, "synthesise"):
        drawings = [
            pack.call_with("synthesise", _of_lane(drawn, slot), styles, slots=[slot], given=given)
            for slot, styles in enumerate(found)
        ]
    _check_like("`synthesise` of the styles of samples", torch.cat(drawings), samples)


def _of_lane(drawn: Columns, slot: int) -> Columns:
    return {name: one[slot : slot + 1] for name, one in drawn.items()}


CHECKS = {"attention": _check_attention, "growth": _check_growth, "styles": _check_styles}


def _check_like(what: str, found: Tensor, samples: Tensor) -> None:
    if found.shape != samples.shape or not torch.allclose(found, samples, FARTHEST, FARTHEST):
        raise UserError(f"{what} is not what `sample` draws of the same noise.")
