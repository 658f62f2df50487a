"""A picture of sums of latents: DCGAN's vector arithmetic (arXiv:1511.06434, section 6.3.2).

N samples.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation._latent_space import LatentSpace
from gensweep.evaluation._pictured_lane import COLUMNS, PicturedLane, Sheet
from gensweep.lanes import generator

LABELLED = 512
"""Samples among which those of classes are found."""
EXEMPLARS = COLUMNS - 1
"""Samples of a class whose latents are averaged, as many as a row shows beside their mean."""
SPREAD = 0.25
"""Largest size of the uniform numbers that are added to a sum, as in the paper."""


def arithmetic(lane: PicturedLane) -> Sheet:
    """Rows of samples of classes a, b, c, each ending at the mean latent; then a row at a - b + c.

    `UserError` if the samples show fewer than three classes.
    """
    space, source = LatentSpace(lane), generator(lane.seed, "arithmetic")
    drawn = space.draw(LABELLED)
    samples = space.sample(drawn, torch.arange(LABELLED))
    found = exemplars(lane.classify(samples))
    rows = list(found.values())
    z = {n: _sums(drawn[n], rows, one.shape[-1], source) for n, one in space.latents.items()}
    # Other noise is that of each class's surest sample; in the last row of the first class's.
    kept = torch.stack([each[0] for each in (*rows, *rows[:1] * COLUMNS)])
    made = space.sample(space.pick(drawn, kept) | z, kept)
    shown = [torch.cat([samples[each], mean[None]]) for each, mean in zip(rows, made, strict=False)]
    return Sheet(torch.cat([*shown, made[3:]]), detail=_named(lane.pack.data, found))


def exemplars(logits: Tensor) -> dict[int, Tensor]:
    """Find the surest `EXEMPLARS` samples of the first three classes that have so many."""
    sure, label = logits.softmax(1).max(1)
    many = label.bincount(minlength=logits.shape[1]) >= EXEMPLARS
    chosen = many.nonzero().flatten().tolist()[:3]
    if len(chosen) < 3:
        raise UserError(
            f"arithmetic needs {EXEMPLARS} of {len(label)} samples of each of three classes, and "
            f"there are so many of {len(chosen)}."
        )
    return {k: torch.where(label == k, sure, -1.0).topk(EXEMPLARS).indices for k in chosen}


def _sums(z: Tensor, rows: list[Tensor], size: int, source: torch.Generator) -> Tensor:
    """Return the mean latents of three classes, their sum, and others around it.

    `[3 + COLUMNS, ...]`; the padding beyond `size` stays blank.
    """
    means = torch.stack([z[each].mean(0) for each in rows])
    added = SPREAD * (2 * torch.rand(COLUMNS, *z.shape[1:], generator=source) - 1)
    added[0], added[..., size:] = 0, 0
    return torch.cat([means, means[0] - means[1] + means[2] + added])


def _named(data: Any, found: Mapping[int, Tensor]) -> str:
    names = dict(enumerate(getattr(data, "class_names", ())))
    each = zip("abc", found, strict=True)
    return ", ".join(f"{letter}: {names.get(label, label)}" for letter, label in each)
