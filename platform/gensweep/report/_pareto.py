"""Draws what quality costs: the configurations that no other beats in both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from gensweep.decades import spans_decades
from gensweep.objective import Configuration, Objective
from gensweep.report._outcomes import outcome
from gensweep.report._svg import Axes, element
from gensweep.report._table import Table
from gensweep.report._text_table import format_value
from gensweep.trial import TrialView

FEWEST = 5
"""Configurations below which no front is told."""
SAME = 0.02
"""Costs that differ by no more are one."""

METHOD = (
    "Each dot is a configuration that was completed, by the mean over its seeds, of which a failed "
    "one counts as the worst value of all; the line joins "
    "those that no other beats in both quality and cost, of which steps of 2 % are told apart. "
    "Seconds are from being handed out to the end, beside the other trials of the pack, whose pace "
    "they share."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """A configuration's place in the plane of cost and quality."""

    configuration: Configuration
    cost: float
    score: float
    """Less is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParetoFront:
    """The figure and the table of a front."""

    unit: str
    figure: Markup
    table: Table


def pareto_front(trials: Sequence[TrialView], objective: Objective) -> ParetoFront | None:
    """Draw the objective against the cost; None where configurations hardly differ in cost.

    The cost is in examples where completed trials differ in those, and else in seconds.
    """
    ranked = objective.configurations(trials)
    for unit in ("images", "seconds"):
        found = [one for each in ranked if (one := _cost(each, unit)) is not None]
        if len(found) >= FEWEST and max(c.cost for c in found) > 1.05 * min(c.cost for c in found):
            return _drawn(found, unit, objective)
    return None


def _cost(one: Configuration, unit: str) -> Cost | None:
    """Return a configuration's mean cost over its completed seeds; None where it is not known."""
    known = [float(value) for trial in one.trials if (value := trial.get(unit))]  # type: ignore[arg-type]
    return Cost(configuration=one, cost=fmean(known), score=one.score) if known else None


def front(found: Sequence[Cost]) -> list[Cost]:
    """Return those that no other beats, the cheapest first; costs of one step are equal.

    >>> values = [(3, 1), (1, 5), (2, 5), (4, 2), (2, 2)]
    >>> costs = [Cost(configuration=None, cost=c, score=s) for c, s in values]
    >>> [(one.cost, one.score) for one in front(costs)]
    [(1, 5), (2, 2), (3, 1)]
    """
    best: list[Cost] = []
    for one in sorted(found, key=lambda one: (_step(one.cost), one.score)):
        if not best or one.score < best[-1].score:
            best.append(one)
    return best


def _step(cost: float) -> int:
    """Count steps of `SAME`: trials that a pack ends together differ by milliseconds."""
    return round(math.log(cost) / math.log1p(SAME))


def _drawn(found: Sequence[Cost], unit: str, objective: Objective) -> ParetoFront:
    best, sign = front(found), objective.sign
    points = [(one.cost, sign * one.score) for one in found]
    log = (spans_decades([p[0] for p in points]), spans_decades([p[1] for p in points]))
    axes = Axes(points, (unit, objective.label), log=log)
    parts = [axes.line([(one.cost, sign * one.score) for one in best], "accent")]
    parts += [_dot(axes, one, unit, objective) for one in found]
    names = sorted({name for one in best for name in one.configuration.trials[0]["params"]})
    rows = [
        [trial["number"], format_value(one.cost), format_value(sign * one.score), outcome(trial),
         *(trial["params"].get(name, "") for name in names)]
        for one in best for trial in one.configuration.trials[:1]
    ]  # fmt: skip
    return ParetoFront(
        unit=unit,
        figure=axes.draw(parts, f"{objective.metric} against {unit}"),
        table=Table(["trial", unit, objective.metric, "outcome", *names], rows),
    )


def _dot(axes: Axes, one: Cost, unit: str, objective: Objective) -> Markup:
    trial, value = one.configuration.trials[0], objective.sign * one.score
    left, top = axes.place((one.cost, value))
    title = f"trial {trial['number']}: {one.cost:.4g} {unit}, {objective.metric} {value:.4g}"
    return element("circle", title=title, cx=f"{left:.1f}", cy=f"{top:.1f}", r=4,
                   class_=f"dot {outcome(trial)}")  # fmt: skip
