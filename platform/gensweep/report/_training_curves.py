"""Draws how losses and training metrics went, by outcome."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from gensweep.decades import spans_decades
from gensweep.objective import Objective
from gensweep.report._outcomes import outcome
from gensweep.report._svg import Axes, Point
from gensweep.report._table import Table
from gensweep.report._typical_trials import TypicalTrial, by_metric, typical_trials
from gensweep.training_metrics import training_formula
from gensweep.trial import Outcome, TrialView

MOST_OF_AN_OUTCOME = 12
"""Trials whose curves are drawn: more would hide one another, and fill the page's file."""
TAIL, MOST_BEYOND = 50, 4
"""A fiftieth of the values at each end are extremes if they make the axis so many times longer."""
METHOD = (
    "Means over a fiftieth of the budget each. Thick lines are of the best trial and of the one in "
    "the middle of each outcome, as the pictures are; thin ones of others, "
    f"{MOST_OF_AN_OUTCOME} of an outcome at most, taken evenly by the ranked metric. An axis "
    "leaves out trials that diverged, and extremes that would hide the rest: there a line runs "
    "along the edge."
)


class TrainingCurve(NamedTuple):
    """A loss or metric of training over the images seen, a line for each trial."""

    name: str
    formula: str
    """Empty for a metric of a model's own."""
    figure: Markup


class _Line(NamedTuple):
    class_: str
    title: str
    points: list[Point]
    ended_well: bool


def training_curves(trials: Sequence[TrialView], objective: Objective) -> list[TrainingCurve]:
    """Draw each loss and metric, by outcome; what was measured once is left out.

    Parts of a metric share a figure: `sigma.*` has each `sigma.LAYER`, where there is `sigma`, too,
    or more than one part. It is of the typical trials alone.
    """
    chosen = _chosen(trials, objective)
    names = sorted({name for one in chosen for name in one.trial["history"]})
    wholes = Counter(name.partition(".")[0] for name in names)
    figures: dict[str, list[str]] = {}
    for name in names:
        whole = name.partition(".")[0]
        shared = f"{whole}.*" if name != whole and wholes[whole] > 1 else name
        figures.setdefault(shared, []).append(name)
    return [TrainingCurve(shared, training_formula(parts[0]), figure)
            for shared, parts in figures.items()
            if (figure := _curve(chosen, shared, parts))]  # fmt: skip


def training_table(trials: Sequence[TrialView], objective: Objective) -> Table:
    """Sum the typical trials' curves up: where each begins and ends, and how far it goes."""
    rows: list[list[object]] = []
    for trial, _ in typical_trials(trials, objective):
        for name, points in sorted(trial.get("history", {}).items()):
            values = [value for _, value in points]
            if len(values) > 1:
                ends = (values[0], min(values), max(values), values[-1])
                rows.append([trial["number"], outcome(trial), name, *ends])
    return Table(["trial", "outcome", "metric", "first", "least", "most", "last"], rows)


def _chosen(trials: Sequence[TrialView], objective: Objective) -> list[TypicalTrial]:
    """Choose trials of each outcome, and the typical ones last: they are drawn above the others."""
    typical = [one for one in typical_trials(trials, objective) if one.trial.get("history")]
    curved = by_metric([trial for trial in trials if trial.get("history")], objective.metric)
    numbers = {one.trial["number"] for one in typical}
    others = [
        TypicalTrial(trial, "")
        for kind in Outcome
        for trial in evenly([trial for trial in curved if outcome(trial) == kind])
        if trial["number"] not in numbers
    ]
    return [*others, *reversed(typical)]


def evenly(trials: Sequence[TrialView], most: int = MOST_OF_AN_OUTCOME) -> list[TrialView]:
    """Take `most` trials at equal distances, with the first and the last.

    >>> evenly([0, 1, 2, 3, 4, 5, 6], 3), evenly([0, 1], 3)
    ([0, 3, 6], [0, 1])
    """
    if len(trials) <= most:
        return list(trials)
    return [trials[round(at * (len(trials) - 1) / (most - 1))] for at in range(most)]


def _curve(chosen: Sequence[TypicalTrial], name: str, parts: Sequence[str]) -> Markup | None:
    lines = [line for one in chosen if one.role or parts == [name]
             for line in _lines(one, name, parts)]  # fmt: skip
    if not lines:
        return None
    low, high = _ends(lines)
    drawn = [line._replace(points=[(at, min(max(value, low), high)) for at, value in line.points])
             for line in lines]  # fmt: skip
    every = [point for line in drawn for point in line.points]
    axes = Axes(every, ("images", name), log=(False, spans_decades([y for _, y in every])))
    return axes.draw([axes.line(line.points, line.class_, line.title) for line in drawn],
                     f"{name} over the training")  # fmt: skip


def _lines(one: TypicalTrial, name: str, parts: Sequence[str]) -> Iterable[_Line]:
    kind = outcome(one.trial)
    for part in parts:
        points = [(at, value) for at, value in one.trial["history"].get(part, [])]
        if len(points) > 1:
            told = [f"trial {one.trial['number']}", *[part] * (part != name), one.role or str(kind)]
            yield _Line(f"{kind}{' thin' * (not one.role)}", ", ".join(told), points,
                        kind != Outcome.DIVERGED)  # fmt: skip


def _ends(lines: Sequence[_Line]) -> Point:
    """Return the least and the largest value shown.

    They are of trials that did not diverge, where there are any, and leave out the extremes of a
    linear axis of which they would be the most.
    """
    shown = [line for line in lines if line.ended_well] or lines
    values = sorted(value for line in shown for _, value in line.points)
    few = len(values) // TAIL
    low, high = values[few], values[-1 - few]
    room = (high - low) / 4
    if spans_decades(values) or values[-1] - values[0] <= MOST_BEYOND * (high - low) or not room:
        return values[0], values[-1]
    return max(values[0], low - room), min(values[-1], high + room)
