"""Checks, before any data are read, that the metrics which a sweep names can be measured."""

from collections.abc import Iterator

from gensweep.data import Source
from gensweep.errors import UserError
from gensweep.game_capabilities import capabilities
from gensweep.known_metrics import METRICS, find_metric
from gensweep.metric import Kind
from gensweep.spec import Sweep

HELD_OUT: dict[Kind, str] = {
    "likelihood": "log_prob",
    "scores": "scores",
    "critic": "critic_values",
}
"""Kind of metric to the capability of a game that it needs."""


def check_target(sweep: Sweep, source: Source) -> None:
    """`UserError` if `target` or `scatter` names a metric of other data, or of other models.

    A name that is in no table may be a loss, which only a step of training tells.
    """
    named = named_metrics(sweep)
    if not any(find_metric(name) for name, _ in named):
        return  # the data need not be looked at
    kinds = frozenset(_kinds(sweep, source))
    for name, use in named:
        metric = find_metric(name)
        if metric is not None and not metric.kinds & kinds:
            raise unmeasured(name, use, sweep, source.name,
                             {m.name for m in METRICS.values() if m.kinds & kinds})  # fmt: skip


def named_metrics(sweep: Sweep) -> list[tuple[str, str]]:
    """List the metrics that a sweep names, and what for."""
    targets = [(sweep.target, "target")] if sweep.target else []
    return targets + [(name, "scatter") for name in (sweep.scatter or ())[:2] if name]


def unmeasured(name: str, use: str, sweep: Sweep, data: str, known: set[str]) -> UserError:
    """Say that the metric is not measured, and which are."""
    return UserError(f"{use} names {name!r}, which is not measured for {sweep.model.name} on "
                     f"{data}: choose from {', '.join(sorted(known))}.")  # fmt: skip


def _kinds(sweep: Sweep, source: Source) -> Iterator[Kind]:
    """Yield what the data and the model let evaluations measure."""
    meta = source.meta()
    if meta.modes is not None:
        yield "points"
    else:
        yield "images"
        if len(meta.shape) == 1:
            yield "points without modes"
        if meta.classes > 1 and len(meta.shape) == 3:
            yield "labelled images"
            yield "given classes"  # what samples are given, a game may learn from its settings
    game = sweep.model.game
    offered = capabilities(game) if isinstance(game, type) else HELD_OUT.values()
    yield from (kind for kind, capability in HELD_OUT.items() if capability in offered)
