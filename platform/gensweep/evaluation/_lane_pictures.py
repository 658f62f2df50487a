"""Pictures of what a stored trial can do with examples: reconstruct them, or pass between two."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation._held_out_examples import given_of
from gensweep.evaluation._reference import draw_examples
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sampling import open_lane
from gensweep.game import capabilities
from gensweep.lanes import Pack

if TYPE_CHECKING:
    from gensweep.data import Dataset

COLUMNS = 8


def picture_lane(
    weights: str, about: Mapping[str, object], kind: str, dataset: "Dataset", count: int
) -> bytes:
    """Draw `count` held-out examples through the lane in the file `weights`, as PNG.

    `kind` is one of `PICTURES`. `UserError` if its model cannot do that.
    """
    pack = open_lane(weights, about)
    needed, draw = PICTURES[kind]
    if needed not in capabilities(pack.game):
        known = ", ".join(k for k, (n, _) in PICTURES.items() if n in capabilities(pack.game))
        also = f": choose from samples, {known}." if known else ": only samples are to be had."
        raise UserError(f"{pack.model.name} cannot {needed}{also}")
    return draw(pack, draw_examples(dataset, count))


def _reconstructions(pack: Pack, examples: Mapping[str, Tensor]) -> bytes:
    """Rows of examples, each followed by a row of their reconstructions."""
    found = _call(pack, "reconstruct", examples, examples["x"])
    both = (torch.split(images, COLUMNS) for images in (examples["x"], found))
    pairs = zip(*both, strict=True)
    rows = [one for pair in pairs for one in map(_filled, pair)]
    return grid_png(torch.cat(rows), columns=COLUMNS)


def _interpolations(pack: Pack, examples: Mapping[str, Tensor]) -> bytes:
    """A row for each example: from it, through the model's latent space, to another one."""
    x = examples["x"]
    found = _call(pack, "interpolate", examples, x, x.roll(1, 0), torch.linspace(0, 1, COLUMNS))
    return grid_png(found.transpose(0, 1).flatten(0, 1), columns=COLUMNS)


def _call(pack: Pack, name: str, examples: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
    game: Any = pack.game
    draw = getattr(game, f"{'encode' if name == 'interpolate' else name}_noise", None)
    noise = draw(len(inputs[0])) if draw else {}
    found: Tensor = pack.call(name, noise, *inputs, given=given_of(game, examples))[0]
    return found


def _filled(row: Tensor) -> Tensor:
    """Fill a row up to `COLUMNS` with white images."""
    return torch.cat([row, row.new_ones(COLUMNS - len(row), *row.shape[1:])])


Draw = Callable[[Pack, Mapping[str, Tensor]], bytes]
PICTURES: dict[str, tuple[str, Draw]] = {
    "reconstructions": ("reconstruct", _reconstructions),
    "interpolations": ("interpolate", _interpolations),
}
"""Kind of picture to the capability that it needs, and how it is drawn."""
