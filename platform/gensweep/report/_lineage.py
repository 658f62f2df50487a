"""How hyperparameters changed under way, where trials took over others' states."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from gensweep.objective import number
from gensweep.report._svg import Axes, Point, line, tag
from gensweep.report._tables import grid
from gensweep.report.trials import outcome
from gensweep.trial import Trial

NOTE = (
    "One line a trial, over the images that it saw; a dot where it took over the state of a better "
    "one, whose value was then changed. The other sections go by the values that trials began with."
)


def lineages(trials: Sequence[Trial], over: str) -> str:
    """The schedules of parameter `over`, and all copies as a table; empty without any."""
    copies = [(t, copy) for t in trials for copy in t.get("lineage", [])]
    if not copies:
        return ""
    names = sorted({name for _, copy in copies for name in copy["params"]})
    rows: list[list[object]] = [
        [t["number"], copy["images"], copy["from"], *(copy["params"].get(n, "") for n in names)]
        for t, copy in copies
    ]
    return _figure(trials, over) + grid(["trial", "images", "copied trial", *names], rows)


def _figure(trials: Sequence[Trial], over: str) -> str:
    schedules = [(t, steps) for t in trials if (steps := _schedule(t, over))]
    if not schedules:
        return ""
    points = [point for _, steps in schedules for point in steps]
    axes = Axes(points, ("images", f"log10 of {over}"))
    body = "".join(
        line(axes, steps, f"thin {outcome(t)}", f"trial {t['number']}") for t, steps in schedules
    )
    body += "".join(_dots(axes, t, over) for t, _ in schedules)
    drawn = axes.draw(body, f"Schedules of {over}")
    return f"{drawn}<p class=note>{html.escape(NOTE)}</p>"


def _schedule(trial: Trial, over: str) -> list[Point]:
    """Steps from the first value to the last; empty if one is no positive number."""
    values = [(0.0, trial["params"].get(over))]
    values += [(float(c["images"]), c["params"].get(over)) for c in trial.get("lineage", [])]
    known = [(at, v) for at, value in values if (v := number(value)) is not None and v > 0]
    if len(known) < len(values):
        return []
    ends = [at for at, _ in known[1:]] + [float(trial["images"])]
    return [
        (at, math.log10(value))
        for (begin, value), end in zip(known, ends, strict=True)
        for at in (begin, end)
    ]


def _dots(axes: Axes, trial: Trial, over: str) -> str:
    body = ""
    for copy in trial.get("lineage", []):
        at = axes.place((float(copy["images"]), math.log10(copy["params"][over])))
        title = f"trial {trial['number']} took over trial {copy['from']}"
        body += tag("circle", title=title, cx=f"{at[0]:.1f}", cy=f"{at[1]:.1f}", r=4, class_="dot")
    return body
