"""Pictures of samples beside others of the same noise, and beside training examples."""

from math import ceil
from typing import Any

import torch

from gensweep.evaluation._latent_space import LatentSpace
from gensweep.evaluation._pictured_lane import COLUMNS, PicturedLane, Sheet, in_turn, own_game
from gensweep.known_pictures import sampling_grids

FEWEST = 4
"""Samples of a class, or of a value, in a row."""


def classes(lane: PicturedLane) -> Sheet:
    """A row of samples for each class; a column has the same noise (arXiv:1411.1784, figure 2)."""
    shown = min(lane.pack.data.classes, max(1, lane.count // FEWEST))
    columns = ceil(lane.count / shown)
    space, place = LatentSpace(lane), torch.arange(columns).repeat(shown)
    y = torch.arange(shown).repeat_interleave(columns)
    samples = space.sample(space.pick(space.draw(columns), place), place, {"y": y})
    names = getattr(lane.pack.data, "class_names", ())[:shown]
    return Sheet(samples, columns, ", ".join(names) or f"0 to {shown - 1}")


def sampling(lane: PicturedLane) -> Sheet:
    """A row of samples for each value of a grid (arXiv:1809.11096, figure 2a)."""
    values = [(f, value) for f in sampling_grids(lane.pack.lane(0).config) for value in f.grid]
    columns = ceil(lane.count / len(values))
    space, rows = LatentSpace(lane), torch.arange(columns)
    found = [
        space.sample(space.draw(columns, hyper), rows, hyper=hyper)
        for hyper in ({field.name: value} for field, value in values)
    ]
    told = ", ".join(f"{field.name}={value:g}" for field, value in values)
    return Sheet(torch.cat(found), columns, told)


def steps(lane: PicturedLane) -> Sheet:
    """A row for each sample, from step to step of its sampler (arXiv:2006.11239, figure 6)."""
    game: Any = own_game(lane.pack)
    last, parts = game.sample_steps, COLUMNS - 1
    after = sorted({round(last * part / parts) for part in range(COLUMNS)})
    given = lane.given(torch.arange(lane.rows))
    found = lane.pack.sample_unfinished(after, lane.rows, seed=lane.seed, given=given)
    told = ", ".join(map(str, after))
    return Sheet(found.transpose(0, 1).flatten(0, 1), len(after), f"after {told} of them")


def neighbours(lane: PicturedLane) -> Sheet:
    """Rows of samples, each followed by a row of their nearest training examples."""
    assert lane.neighbours is not None
    given = lane.given(torch.arange(lane.count))
    samples = lane.pack.sample(lane.count, seed=lane.seed, given=given)[0]
    examples, copies = lane.neighbours(samples)
    told = f"{copies} of {lane.count} as near as one in 100 held-out examples is"
    return in_turn(samples, examples, detail="" if copies is None else told)
