"""Pictures of what a stored trial can do with examples: reconstruct them, or pass between two."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation._held_out_examples import given_of
from gensweep.evaluation._reference import draw_examples
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sampling import NoData, open_lane
from gensweep.game import capabilities, capability_noise
from gensweep.lanes import LaneState, Pack
from gensweep.space import pad_latent_sizes
from gensweep.spec import Sweep

if TYPE_CHECKING:
    import numpy.typing as npt

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
        also = ", ".join(offered_pictures(pack))
        cure = f"choose from samples, {also}." if also else "only samples are to be had."
        raise UserError(f"{pack.model.name} cannot {needed}: {cure}")
    return draw(pack, draw_examples(dataset, count))


def encode_lane(
    weights: str, about: Mapping[str, object], dataset: "Dataset", count: int
) -> "npt.NDArray[Any]":
    """Return the codes `[count, ...]` of held-out examples; `UserError` if its model has none."""
    pack = open_lane(weights, about)
    name = next((n for n in ("encode", "invert") if n in capabilities(pack.game)), None)
    if name is None:
        raise UserError(f"{pack.model.name} cannot encode: only samples are to be had.")
    examples = draw_examples(dataset, count)
    codes: npt.NDArray[Any] = _call(pack, name, examples, examples["x"]).numpy()
    return codes


def offered_pictures(pack: Pack) -> list[str]:
    """List the kinds of pictures that the pack's model can be drawn in: of images alone."""
    known = capabilities(pack.game) if len(pack.data.shape) == 3 else ()
    return [kind for kind, (needed, _) in PICTURES.items() if needed in known]


def draw_pictures(
    sweep: Sweep, data: "Dataset", test: "Dataset | None", params: Mapping[str, object], lane: bytes
) -> dict[str, bytes]:
    """Draw a trial, whose trained `lane` this is, in all kinds that its model offers, as PNG."""
    config = pad_latent_sizes(sweep.config(params), sweep.space)
    pack = Pack(sweep.model, config, data, NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(lane))
    held_out = test if test is not None and test.count else data
    examples = draw_examples(held_out, 2 * COLUMNS)
    return {kind: PICTURES[kind][1](pack, examples) for kind in offered_pictures(pack)}


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
    noise, given = capability_noise(pack.game, name, len(inputs[0])), given_of(pack.game, examples)
    found: Tensor = pack.call(name, noise, *inputs, given=given)[0]
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
