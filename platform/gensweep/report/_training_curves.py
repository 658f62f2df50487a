"""Draws how losses and training metrics went, of the best trial and of typical failures."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from gensweep.decades import spans_decades
from gensweep.objective import Objective
from gensweep.report._outcomes import outcome
from gensweep.report._svg import Axes
from gensweep.report._table import Table
from gensweep.training_metrics import training_formula
from gensweep.trial import Outcome, TrialView


class TrainingCurve(NamedTuple):
    """A loss or metric of training over the images seen, one line for each trial."""

    name: str
    formula: str
    """Empty for a metric of a model's own."""
    figure: Markup


def training_curves(trials: Sequence[TrialView], objective: Objective) -> list[TrainingCurve]:
    """Draw each loss and metric.

    Of the best trial, and of the first of each kind of failure; what was measured once is left out.
    Parts of a metric share a figure: `sigma.*` has each `sigma.LAYER`, where there is `sigma`, too,
    or more than one part.
    """
    chosen = [trial for trial in _chosen(trials, objective) if trial.get("history")]
    names = sorted({name for trial in chosen for name in trial["history"]})
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
    """Sum the curves up: where each begins and ends, and how far it goes."""
    rows: list[list[object]] = []
    for trial in _chosen(trials, objective):
        for name, points in sorted(trial.get("history", {}).items()):
            values = [value for _, value in points]
            if len(values) > 1:
                ends = (values[0], min(values), max(values), values[-1])
                rows.append([trial["number"], outcome(trial), name, *ends])
    return Table(["trial", "outcome", "metric", "first", "least", "most", "last"], rows)


def _chosen(trials: Sequence[TrialView], objective: Objective) -> list[TrialView]:
    chosen = list(objective.ranked(trials)[:1])
    for kind in sorted(each for each in Outcome if each.failure):
        chosen += [
            t for t in trials if outcome(t) == kind and t.get("history") and t not in chosen
        ][:1]
    return chosen


def _curve(trials: Sequence[TrialView], name: str, parts: Sequence[str]) -> Markup | None:
    lines = [(trial, part, [(at, value) for at, value in trial["history"].get(part, [])])
             for trial in trials for part in parts]  # fmt: skip
    shown = [(trial, part, points) for trial, part, points in lines if len(points) > 1]
    if not shown:
        return None
    every = [point for *_, points in shown for point in points]
    log = spans_decades([value for _, value in every])
    axes = Axes(every, ("images", name), log=(False, log))
    drawn = [
        axes.line(points, outcome(t), f"trial {t['number']}" + (f", {part}" * (part != name)))
        for t, part, points in shown
    ]
    return axes.draw(drawn, f"{name} over the training")
