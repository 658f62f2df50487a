"""Pictures of what a generator does within: styles that mix, attention, growth.

N samples.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gensweep.evaluation._latent_space import LatentSpace
from gensweep.evaluation._pictured_lane import COLUMNS, PicturedLane, Sheet

MARKS = {
    (0.25, 0.25): (230, 159, 0), (0.25, 0.75): (86, 180, 233), (0.5, 0.5): (0, 158, 115),
    (0.75, 0.25): (213, 94, 0), (0.75, 0.75): (204, 121, 167),
}  # fmt: skip
"""Places, from the top and from the left, whose attention is shown, and their colours."""
SMALLEST = 32
"""Side below which images are enlarged, so that marks leave something to see."""


def growth(lane: PicturedLane) -> Sheet:
    """A column for each sample, from stage to stage (arXiv:1710.10196, figure 1)."""
    space, rows = LatentSpace(lane), torch.arange(lane.count)
    found = space.call("growth", space.draw(lane.count), rows)
    return Sheet(found.transpose(0, 1).flatten(0, 1), lane.count)


def mixing(lane: PicturedLane) -> Sheet:
    """Samples at the top and on the left; between them those at the top with styles of the left.

    For each group of layers in turn some rows (arXiv:1812.04948, figure 3).
    """
    game: Any = lane.pack.game
    groups: Mapping[str, range] = game.style_groups
    above, rows = COLUMNS - 1, max(1, (lane.rows - 1) // len(groups))
    beside, space = rows * len(groups), LatentSpace(lane)
    noise, one = space.draw(above + beside), torch.zeros(above + beside, dtype=torch.int64)
    styles = space.call("styles", noise, one)
    samples = space.sample(noise, one)
    top, left = samples[:above], samples[above:]
    takers = torch.arange(above).repeat(beside)
    givers = styles[above:].reshape(len(groups), rows, *styles.shape[1:])
    mixed = exchanged(styles[:above], givers, groups)
    within = space.call("synthesise", space.pick(noise, takers), torch.zeros_like(takers), mixed)
    body = torch.cat([left[:, None], within.reshape(beside, above, *within.shape[1:])], 1)
    white = torch.ones_like(top[:1])
    return Sheet(torch.cat([white, top, body.flatten(0, 1)]), detail=", ".join(groups))


def exchanged(takers: Tensor, givers: Tensor, groups: Mapping[str, range]) -> Tensor:
    """Give styles of the layers of each group, `givers` [G, R, layers, W], to `takers` [T, ...].

    Returns all [G * R * T, layers, W] in this order.
    """
    mixed = takers.expand(*givers.shape[:2], *takers.shape).clone()
    for number, layers in enumerate(groups.values()):
        part = slice(layers.start, layers.stop)
        mixed[number, :, :, part] = givers[number, :, None, part]
    return mixed.flatten(0, 2)


def attention(lane: PicturedLane) -> Sheet:
    """A row for each sample: its marked places, and where they look (arXiv:1805.08318, figure 5).

    White is the largest weight of a place.
    """
    space, rows = LatentSpace(lane), torch.arange(lane.count)
    noise = space.draw(lane.count)
    images, weights = space.sample(noise, rows), space.call("attention", noise, rows)
    zoom = max(1, SMALLEST // images.shape[-1])
    tiles = [interpolate(images.expand(-1, 3, -1, -1), scale_factor=float(zoom))]
    for place, colour in MARKS.items():
        row, column = (int(at * side) for at, side in zip(place, weights.shape[1:3], strict=True))
        seen = weights[:, row, column, None]
        shade = interpolate(2 * seen / seen.amax((2, 3), keepdim=True) - 1, tiles[0].shape[2:])
        tiles.append(shade.repeat(1, 3, 1, 1))
        for tile in (tiles[0], tiles[-1]):
            _mark(tile, row, column, tile.shape[-1] // weights.shape[2], colour)
    return Sheet(torch.stack(tiles, 1).flatten(0, 1), len(tiles))


def _mark(tile: Tensor, row: int, column: int, size: int, colour: tuple[int, int, int]) -> None:
    """Colour the middle of a place that is `size` pixels wide, in all of `tile` [N, 3, H, W]."""
    low, high = size // 4, size - size // 4
    rows, columns = (slice(at * size + low, at * size + high) for at in (row, column))
    tile[..., rows, columns] = (torch.tensor(colour) / 127.5 - 1)[:, None, None]
