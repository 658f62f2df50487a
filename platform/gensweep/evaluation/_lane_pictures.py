"""Draws pictures of what a stored trial can do, of all kinds that its model offers."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.evaluation._code_scatter import scatter
from gensweep.evaluation._example_pictures import (
    call,
    denoised,
    enlarged,
    inpainted,
    interpolations,
    reconstructions,
)
from gensweep.evaluation._landscape import landscape
from gensweep.evaluation._latent_arithmetic import arithmetic
from gensweep.evaluation._latent_pictures import manifold, traversals, turns, walks
from gensweep.evaluation._network_pictures import attention, growth, mixing
from gensweep.evaluation._pictured_lane import PicturedLane, Sheet, Splits, own_game
from gensweep.evaluation._plane import plane_png
from gensweep.evaluation._reranking import reranked
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sample_pictures import classes, neighbours, sampling, steps
from gensweep.evaluation._sampling import NoData, open_lane
from gensweep.game_capabilities import capabilities
from gensweep.known_pictures import PICTURES, offered_pictures
from gensweep.lanes import LaneState, Pack
from gensweep.space import pad_latent_sizes
from gensweep.spec import Sweep
from gensweep.storage import ObjectStore

if TYPE_CHECKING:
    import numpy.typing as npt

_log = logging.getLogger(__name__)

DRAW: dict[str, Callable[[PicturedLane], Sheet]] = {
    one.__name__: one
    for one in (
        reconstructions, enlarged, interpolations, denoised, inpainted, scatter, walks, turns,
        traversals, manifold, arithmetic, landscape, classes, sampling, reranked, steps, mixing,
        attention, growth, neighbours,
    )
}  # fmt: skip
"""How each of `PICTURES` is drawn."""


def picture_lane(
    weights: str, about: Mapping[str, object], kind: str, store: ObjectStore, count: int,
    values: Mapping[str, Any] | None = None, seed: int = 0,
) -> tuple[str, bytes]:  # fmt: skip
    """Draw the lane in the file `weights`: what the picture shows, in words, and the PNG.

    `kind` is one of `PICTURES`, `count` the number of examples or samples; `values` as those of
    `sample_lane`. `UserError` if the model does not offer it.
    """
    pack = open_lane(weights, about, values)
    if kind not in _offered(pack):
        raise _not_offered(pack, kind, PICTURES[kind].needs)
    return _draw(kind, PicturedLane.of(pack, _splits(about, store), store, count, seed, values))


def encode_lane(
    weights: str, about: Mapping[str, object], store: ObjectStore, count: int,
    values: Mapping[str, Any] | None = None,
) -> "npt.NDArray[Any]":  # fmt: skip
    """Return the codes `[count, ...]` of held-out examples; `UserError` if its model has none."""
    pack = open_lane(weights, about, values)
    lane = PicturedLane.of(pack, _splits(about, store), store, count, 0, values)
    name = _encoder(pack)
    if name is None:
        raise _not_offered(pack, "codes", "`encode` or `invert`")
    codes: npt.NDArray[Any] = call(lane, name, lane.examples["x"]).numpy()
    return codes


def draw_pictures(
    sweep: Sweep, splits: Splits, store: ObjectStore, params: Mapping[str, object], lane: bytes
) -> dict[str, bytes]:
    """Draw a trial, whose trained `lane` this is, in all kinds that its model offers.

    As PNG, by what each shows.
    """
    config = pad_latent_sizes(sweep.config(params), sweep.space)
    pack = Pack(sweep.model, config, splits[0], NoData(), width=1, trace=False)
    pack.put(0, LaneState.from_bytes(lane))
    found = {}
    for kind in _offered(pack):
        try:
            shows, png = _draw(kind, PicturedLane.of(pack, splits, store, PICTURES[kind].count))
            found[shows] = png
        except UserError as error:
            _log.info("the best trial has no picture of %s: %s", kind, error)
        except Exception as error:
            words = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            _log.warning("the best trial has no picture of %s: %s", kind, words)
    return found


def _offered(pack: Pack) -> list[str]:
    return offered_pictures(own_game(pack), pack.data, pack.lane(0).config)


def _draw(kind: str, lane: PicturedLane) -> tuple[str, bytes]:
    sheet = DRAW[kind](lane)
    detail = f" ({sheet.detail})" if sheet.detail else ""
    words = f"{kind}: {PICTURES[kind].shows}{detail}"
    if sheet.surface is None:
        return words, grid_png(sheet.samples, lane.modes, sheet.columns)
    over = {"examples": sheet.examples, "surface": sheet.surface}
    return words, plane_png(sheet.samples, lane.modes, **over)


def _splits(about: Mapping[str, object], store: ObjectStore) -> Splits:
    from gensweep.data import load_dataset

    name = str(about["dataset"])
    return load_dataset(name, store, split="train"), load_dataset(name, store, split="test")


def _encoder(pack: Pack) -> str | None:
    return next((n for n in ("encode", "invert") if n in capabilities(pack.game)), None)


def _not_offered(pack: Pack, what: str, needs: str) -> UserError:
    codes = ["codes"] if _encoder(pack) else []
    known = ", ".join(["samples", *_offered(pack), *codes])
    return UserError(f"{pack.model.name} has no {what}, for want of {needs}: choose from {known}.")
