"""Draws how good the best of k configurations is, over k."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gensweep.decades import spans_decades
from gensweep.objective import Objective
from gensweep.report._outcomes import outcome
from gensweep.report._stats import best_of_k
from gensweep.report._svg import Axes, element
from gensweep.report._table import Table
from gensweep.trial import Outcome, TrialView

Spans = list[tuple[int, list[float]]]
"""k, and the 5 %, 50 % and 95 % quantiles of the best of k draws; small is good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BestCurve:
    """The best-of-k curve of one group of trials."""

    group: str
    figure: Markup | None
    """None where no configuration was completed."""
    caption: str
    """How the curve is read, or why there is none."""


def best_curves(groups: Mapping[str, Sequence[TrialView]], objective: Objective) -> list[BestCurve]:
    """Draw the median best of k random configurations and its central 90 %, on one scale."""
    draws = {name: objective.configuration_medians(group) for name, group in groups.items()}
    spans = {name: _spans(found) for name, found in draws.items()}
    seen = [(k, objective.sign * v) for shown in spans.values() for k, span in shown
            for v in span if v < math.inf]  # fmt: skip
    return [
        BestCurve(
            group=name,
            figure=_best_curve(spans[name], len(found), seen, objective),
            caption=_caption(found, spans[name]) + _pruned(groups[name]),
        )
        if spans[name]
        else BestCurve(group=name, figure=None, caption=_no_best(len(found), objective))
        for name, found in draws.items()
    ]


def best_of_k_table(groups: Mapping[str, Sequence[TrialView]], objective: Objective) -> Table:
    """List what the curves show: a row for each group and k."""
    rows: list[list[object]] = [
        [name, k, *(objective.sign * value for value in span)]
        for name, group in groups.items()
        for k, span in _spans(objective.configuration_medians(group))
    ]
    return Table(["group", "k", "best 5 %", "median", "worst 5 %"], rows)


def _spans(draws: list[float]) -> Spans:
    """Select the points with a median: fewer draws hold no trial that was completed."""
    ordered = sorted(draws)  # once: `best_of_k` takes what is in order three times per k
    every = [(k, [best_of_k(ordered, k, share) for share in (0.05, 0.5, 0.95)])
             for k in range(1, len(ordered) + 1)]  # fmt: skip
    return [(k, span) for k, span in every if span[1] < math.inf]


def _no_best(count: int, objective: Objective) -> str:
    return (
        f"None of {count} configurations was completed with a {objective.metric}: there is no best."
    )


def _best_curve(
    shown: Spans, count: int, seen: Sequence[tuple[float, float]], objective: Objective
) -> Markup:
    log = spans_decades([value for _, value in seen])
    ends = (1.0, max(count, 2.0))
    axes = Axes(seen, ("k", f"best {objective.label}"), x=ends, log=(False, log))
    worst = axes.y[objective.sign > 0]  # where the frame stands for what is infinite
    ring = [(k, objective.sign * span[0]) for k, span in shown]
    ring += [(k, objective.sign * s[2] if s[2] < math.inf else worst) for k, s in reversed(shown)]
    band = element("polygon", points=axes.path(ring), class_="band")
    curve = axes.line([(k, objective.sign * span[1]) for k, span in shown], "accent")
    return axes.draw([band, curve], "Best of k")


def _pruned(trials: Sequence[TrialView]) -> str:
    """Say that pruned trials are not known to be as poor as they are drawn; empty without one."""
    pruned = sum(outcome(trial) == Outcome.PRUNED for trial in trials)
    return (
        f" {pruned} trials were pruned, whose end is unknown: the curve is a bound, as if none of "
        "them had become the best."
        if pruned
        else ""
    )


def _caption(draws: list[float], shown: Spans) -> str:
    """Say how the curve is to be read."""
    known, count = sum(draw < math.inf for draw in draws), len(draws)
    whole = next(k for k, span in shown if span[2] < math.inf)
    return (
        f"{known} of {count} configurations were completed; every other one is a draw that ranks "
        "last. Line: the median of the best of k configurations drawn at random, finite from "
        f"k={shown[0][0]} on. Band: its central 90 %, with two finite ends from k={whole} on; "
        "below that it reaches the edge of the frame, because fewer than 95 % of the draws hold "
        "one that was completed."
        if whole > 1
        else f"All of {count} configurations count, {known} of them completed. Line: the median "
        "of the best of k configurations drawn at random. Band: its central 90 %."
    )
