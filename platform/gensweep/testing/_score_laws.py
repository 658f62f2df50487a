"""The laws of scores' names, and of what is made of the traits of all examples."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from torch import Tensor

from gensweep.errors import UserError
from gensweep.known_metrics import find_metric
from gensweep.lanes import Pack
from gensweep.metric import SCORES, is_metric_name
from gensweep.testing._calls import one_line

BOUNDS = ("verdict_bounds", "collapse_bounds")


def check_score_names(pack: Pack) -> None:
    """`UserError` for a metric by a name that will not do, or that something else has."""
    losses = {name for values in pack.losses(0).values() for name in values} | pack.measured
    names = getattr(pack.game, "score_names", None)
    if isinstance(names, str) or not names:
        raise UserError(f"`score_names` is {names!r}: name each of `scores` in a tuple.")
    for bounds in BOUNDS:
        for name in getattr(pack.game, bounds, ()):
            if name not in names:
                raise UserError(f"`{bounds}` has {name!r}: its `score_names` are {sorted(names)}.")
    _check_names("score_names", names, losses)
    if not hasattr(pack.game, "summarise"):
        return
    for declared in ("trait_names", "summary_names"):
        own: Any = getattr(pack.game, declared, None)
        if isinstance(own, str) or not own:
            raise UserError(f"`{declared}` is {own!r}: name each in a tuple.")
    _check_names("summary_names", own, losses | set(names))


def check_summaries(game: Any, found: Mapping[str, Tensor]) -> None:
    """`UserError` unless the first lane's traits make a finite number of each summary."""
    with one_line(game, "summarise"):
        told = game.summarise({name: found[name][0] for name in game.trait_names})
    if not isinstance(told, Mapping) or set(told) != set(game.summary_names):
        got = sorted(map(str, told)) if isinstance(told, Mapping) else type(told).__name__
        raise UserError(
            f"`summarise` returns {got}: its `summary_names` are {sorted(game.summary_names)}."
        )
    for name, value in told.items():
        if not isinstance(value, Tensor) or value.shape or not bool(value.isfinite()):
            raise UserError(f"summary {name!r} is {value!r}: return a finite scalar tensor.")


def _check_names(declared: str, names: Sequence[str], others: Set[str]) -> None:
    """`UserError` for a name that will not do, or that is one of `others`."""
    for name in names:
        if not is_metric_name(name):
            raise UserError(
                f"`{declared}` has {name!r}: take strings of letters, digits and _ . - /."
            )
        metric = find_metric(name)
        taken = "a loss or another metric" if name in others else None
        if metric is not None and (not metric.kinds & SCORES or name != metric.name):
            taken = "a metric of something else"
        if taken:
            raise UserError(f"`{declared}` has {name!r}, which is {taken}: take another name.")
