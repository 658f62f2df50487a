"""Pictures of how a trained trial's samples change with their latent, all other noise the same.

N samples.
"""

from collections.abc import Callable
from math import ceil, pi, sqrt

import torch
from torch import Tensor

from gensweep.evaluation._latent_space import LatentSpace
from gensweep.evaluation._pictured_lane import COLUMNS, DOTS, PicturedLane, Sheet
from gensweep.known_pictures import is_image

FARTHEST = 3.0
"""Of a latent number in `traversals`, in its standard deviations."""


def walks(lane: PicturedLane) -> Sheet:
    """Rows of samples from one latent to another."""
    return _rows(lane, _slerp, torch.linspace(0, 1, lane.columns, dtype=torch.float64))


def turns(lane: PicturedLane) -> Sheet:
    """Rows of samples around the circle through two latents; each is normal as they are."""
    return _rows(lane, _turn, torch.arange(lane.columns).double() * (2 * pi / lane.columns))


def traversals(lane: PicturedLane) -> Sheet:
    """A row for each of the first latent numbers, from -`FARTHEST` to it (arXiv:1804.03599)."""
    space = LatentSpace(lane)
    ((name, declared),) = space.latents.items()
    shown = min(declared.shape[-1], lane.rows)
    number = torch.arange(shown).repeat_interleave(COLUMNS)
    rows = torch.zeros_like(number)
    noise = space.pick(space.draw(1), rows)
    at = torch.linspace(-FARTHEST, FARTHEST, COLUMNS, dtype=torch.float64)
    noise[name][torch.arange(len(rows)), number] = at.repeat(shown)
    return Sheet(space.sample(noise, rows))


def manifold(lane: PicturedLane) -> Sheet:
    """Samples at a grid of quantiles of a latent of size 2 (arXiv:1312.6114, figure 4)."""
    space = LatentSpace(lane)
    side = ceil(sqrt(lane.count)) if is_image(lane.pack.data) else DOTS
    rows = torch.zeros(side * side, dtype=torch.int64)
    noise = space.pick(space.draw(1), rows)
    at = torch.special.ndtri((torch.arange(side).double() + 0.5) / side)
    (name,) = space.latents
    z = torch.zeros_like(noise[name])
    z[:, 0], z[:, 1] = at.repeat(side), at.flip(0).repeat_interleave(side)
    return Sheet(space.sample(noise | {name: z}, rows), side)


Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def _rows(lane: PicturedLane, way: Way, at: Tensor) -> Sheet:
    """Draw a row for each of pairs of latents, at `way(first, last, at)`."""
    space, steps = LatentSpace(lane), len(at)
    drawn = space.draw(2 * lane.rows)
    rows = torch.arange(lane.rows).repeat_interleave(steps)
    noise = space.pick(drawn, rows)
    for name in space.latents:
        noise[name] = way(noise[name], drawn[name][rows + lane.rows], at.repeat(lane.rows))
    return Sheet(space.sample(noise, rows), steps)


def _slerp(first: Tensor, last: Tensor, at: Tensor) -> Tensor:
    """Interpolate latents [N, ...] at fractions [N], directions spherically and norms linearly.

    As in arXiv:1609.04468 but for the norms; straight where there is no angle between latents.
    """
    a, b, t = first.flatten(1), last.flatten(1), at[:, None]
    angle = torch.cosine_similarity(a, b, 1).clamp(-1, 1).acos()[:, None]
    # Norms are interpolated apart: those of opposite latents of unlike norms would pass both.
    norms = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    scale = ((1 - t) * norms[0] + t * norms[1]) / angle.sin()
    start, end = ((1 - t) * angle).sin() * scale / norms[0], (t * angle).sin() * scale / norms[1]
    way = torch.where(angle.sin() > 1e-6, start * a + end * b, (1 - t) * a + t * b)
    return way.view_as(first)


def _turn(first: Tensor, last: Tensor, at: Tensor) -> Tensor:
    a, b, t = first.flatten(1), last.flatten(1), at[:, None]
    return (t.cos() * a + t.sin() * b).view_as(first)
