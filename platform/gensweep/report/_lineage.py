"""Draws how hyperparameters changed under way, where trials took over others' states."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from gensweep.objective import finite_number
from gensweep.report._outcomes import outcome
from gensweep.report._svg import Axes, Point, element
from gensweep.report._table import Table
from gensweep.trial import TrialView


def copies_table(trials: Sequence[TrialView]) -> Table | None:
    """List every copy of a better trial's state, and the hyperparameters that it went on with."""
    copies = [(t, copy) for t in trials for copy in t.get("lineage", [])]
    if not copies:
        return None
    names = sorted({name for _, copy in copies for name in copy["params"]})
    rows: list[list[object]] = [
        [t["number"], copy["images"], copy["from"], *(copy["params"].get(n, "") for n in names)]
        for t, copy in copies
    ]
    return Table(["trial", "images", "copied trial", *names], rows)


def schedules(trials: Sequence[TrialView], map_axis: str) -> Markup | None:
    """Draw parameter `map_axis` of each trial against the images that it saw; a dot is a copy.

    None if no trial has positive numbers alone for it.
    """
    steps = [(t, found) for t in trials if (found := _schedule(t, map_axis))]
    if not steps:
        return None
    axes = Axes(
        [point for _, found in steps for point in found], ("images", f"log10 of {map_axis}")
    )
    lines = [axes.line(s, f"thin {outcome(t)}", f"trial {t['number']}") for t, s in steps]
    dots = [dot for t, _ in steps for dot in _dots(axes, t, map_axis)]
    return axes.draw([*lines, *dots], f"Schedules of {map_axis}")


def _schedule(trial: TrialView, map_axis: str) -> list[Point]:
    """Steps from the first value to the last; empty if one is no positive number."""
    values = [(0.0, trial["params"].get(map_axis))]
    values += [(float(c["images"]), c["params"].get(map_axis)) for c in trial.get("lineage", [])]
    known = [(at, v) for at, value in values if (v := finite_number(value)) is not None and v > 0]
    if len(known) < len(values):
        return []
    ends = [at for at, _ in known[1:]] + [float(trial["images"])]
    return [
        (at, math.log10(value))
        for (begin, value), end in zip(known, ends, strict=True)
        for at in (begin, end)
    ]


def _dots(axes: Axes, trial: TrialView, map_axis: str) -> list[Markup]:
    dots = []
    for copy in trial.get("lineage", []):
        x, y = axes.place((float(copy["images"]), math.log10(copy["params"][map_axis])))
        title = f"trial {trial['number']} took over trial {copy['from']}"
        dots.append(element("circle", title=title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, class_="dot"))
    return dots
