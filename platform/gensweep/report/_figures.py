"""Draws the figures of a report from trial records."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from gensweep.decades import spans_decades
from gensweep.known_metrics import metric_label
from gensweep.objective import finite_number
from gensweep.report._outcomes import outcome
from gensweep.report._stats import log_bins
from gensweep.report._svg import Axes, Point, element, parallel_axes, stacked_bars, text
from gensweep.report._table import Table
from gensweep.trial import Outcome, TrialView

MIN_BINS, MAX_BINS, TRIALS_A_BIN = 3, 8, 2
"""Of a stability map; a bin of one trial shows no share."""


def stability_maps(
    groups: Mapping[str, Sequence[TrialView]], map_axis: str
) -> list[tuple[str, Markup]]:
    """Draw the name and the stability map of each group; none if `map_axis` is never positive."""
    edges = common_bins(
        [trial for group in groups.values() for trial in group], map_axis, len(groups)
    )
    if edges is None:
        return []
    return [(name, _stability_map(group, map_axis, f"Outcomes of {name}", edges))
            for name, group in groups.items()]  # fmt: skip


def _stability_map(
    trials: Sequence[TrialView], map_axis: str, label: str, edges: Sequence[float]
) -> Markup:
    """Outcome shares over logarithmic bins of parameter `map_axis`."""
    counts = _counts_by_bin(trials, map_axis, edges)
    names = [f"{low:.2g}" for low in edges[:-1]]
    return stacked_bars(list(zip(names, counts, strict=True)), label, f"{map_axis} (bin from)")


def stability_table(groups: Mapping[str, Sequence[TrialView]], map_axis: str) -> Table:
    """List what the stability maps show: the outcomes in each bin of each group."""
    every = [trial for group in groups.values() for trial in group]
    edges = common_bins(every, map_axis, len(groups)) or []
    bins = list(pairwise(edges))
    rows: list[list[object]] = [
        [name, *ends, *(counts[kind] for kind in Outcome)]
        for name, group in groups.items()
        for ends, counts in zip(bins, _counts_by_bin(group, map_axis, edges), strict=True)
    ]
    return Table(["group", f"{map_axis} from", "to", *Outcome], rows)


def _counts_by_bin(
    trials: Sequence[TrialView], map_axis: str, edges: Sequence[float]
) -> list[Counter[str]]:
    counts = [Counter[str]() for _ in edges[1:]]
    for trial in trials:
        value = finite_number(trial["params"].get(map_axis))
        if value is not None and value > 0:
            bin_ = min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)
            counts[bin_][outcome(trial)] += 1
    return counts


def common_bins(trials: Sequence[TrialView], map_axis: str, groups: int = 1) -> list[float] | None:
    """Edges of bins for the maps of all `groups`; None if `map_axis` is positive nowhere."""
    found = [finite_number(trial["params"].get(map_axis)) for trial in trials]
    positive = [value for value in found if value is not None and value > 0]
    count = min(MAX_BINS, max(MIN_BINS, len(positive) // (TRIALS_A_BIN * max(1, groups))))
    return log_bins(positive, count) if positive else None


def parallel_coordinates(trials: Sequence[TrialView]) -> Markup | None:
    """Draw all hyperparameters of each trial; positive ranges over two decades as logarithms."""
    names = sorted({key for trial in trials for key in trial["params"]})
    if not names:
        return None
    scaled: list[dict[str, float]] = [{} for _ in trials]
    for name in names:
        for row, value in zip(scaled, _scale([t["params"].get(name) for t in trials]), strict=True):
            if value is not None:
                row[name] = value
    rows = [
        (outcome(t), f"trial {t['number']}: {outcome(t)}", row)
        for t, row in zip(trials, scaled, strict=True)
    ]
    ends = [_ends([t["params"].get(name) for t in trials]) for name in names]
    return parallel_axes(rows, names, ends)


def _ends(column: Sequence[object]) -> tuple[str, str]:
    """Label the bottom and the top of a coordinate."""
    present = [value for value in column if value is not None]
    values = [value for value in map(finite_number, present) if value is not None]
    if values and len(values) == len(present):
        return f"{min(values):.3g}", f"{max(values):.3g}"
    words = sorted({str(value) for value in present}) or [""]
    return words[0], words[-1]


def _scale(column: Sequence[object]) -> list[float | None]:
    """Values mapped to [0, 1]: numbers by size, words by their order."""
    present = [value for value in column if value is not None]
    if not all(finite_number(value) is not None for value in present):
        order = {name: i for i, name in enumerate(sorted({str(v) for v in present}))}
        return [None if v is None else order[str(v)] / max(len(order) - 1, 1) for v in column]
    values = [finite_number(value) for value in column]
    known = [value for value in values if value is not None]
    if known and min(known) > 0 and max(known) / min(known) > 100:
        values = [None if value is None else math.log(value) for value in values]
        known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return [None if v is None else (v - low) / ((high - low) or 1.0) for v in values]


def variety_curves(
    trials: Sequence[TrialView], metrics: Sequence[str], sampling: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Markup]]:
    """Draw the title and the curves of each sampling hyperparameter that trials have one of.

    `metrics` are those of fidelity and of variety, `sampling` as the facts of a sweep tell it.
    """
    names = sorted({n for t in trials for n, curve in t.get("curves", {}).items() if curve})
    told = {name: sampling.get(name, {}) for name in names}
    return [
        (str(facts.get("title", name)), _variety_curve(trials, metrics, name, facts.get("log")))
        for name, facts in told.items()
    ]


def variety_table(trials: Sequence[TrialView], metrics: Sequence[str]) -> Table:
    """List what the curves show: a row for each value that a trial was sampled at."""
    rows: list[list[object]] = [
        [trial["number"], outcome(trial), name, *point]
        for trial in trials
        for name, curve in trial.get("curves", {}).items()
        for point in curve
    ]
    return Table(["trial", "outcome", "sampled by", "value", *metrics], rows)


def _variety_curve(
    trials: Sequence[TrialView], metrics: Sequence[str], name: str, log: bool | None
) -> Markup:
    """Fidelity against variety: a line per trial, a dot for each value, darker where larger."""
    fidelity, variety = metrics
    found = [(t, curve) for t in trials if (curve := t.get("curves", {}).get(name))]
    every = [row for _, curve in found for row in curve]
    axes = _metric_axes([(v, f) for _, f, v in every], variety, fidelity)
    parts = [axes.line([(v, f) for _, f, v in c], outcome(t), f"trial {t['number']}")
             for t, c in found]  # fmt: skip
    values = [math.log(row[0]) if log and row[0] > 0 else row[0] for row in every]
    labels = [f"trial {t['number']}: {name}={row[0]:.4g}" for t, curve in found for row in curve]
    for row, tone, label in zip(every, _scale(values), labels, strict=True):
        parts.append(_dot(axes, (row[2], row[1]), label, tone))
    return axes.draw(parts, f"Fidelity against variety over {name}")


def _dot(axes: Axes, point: tuple[float, float], title: str, tone: float | None) -> Markup:
    """A dot whose opacity tells `tone`, from 0 to 1."""
    left, top = axes.place(point)
    opacity = f"{0.25 + 0.75 * (tone or 0):.2f}"
    return element(
        "circle", title=title, cx=f"{left:.1f}", cy=f"{top:.1f}", r=4, class_="dot", opacity=opacity
    )


def _metric_axes(points: Sequence[Point], x: str, y: str) -> Axes:
    """Span two metrics, each by its logarithm where its values are decades apart."""
    log = (spans_decades([p[0] for p in points]), spans_decades([p[1] for p in points]))
    return Axes(points, (metric_label(x), metric_label(y)), log=log)


def scatter_table(trials: Sequence[TrialView], x: str, y: str, shade: str | None) -> Table:
    """List what the plot of two metrics shows."""
    rows = [[t["number"], *point, *([t["params"].get(shade, "")] if shade else [])]
            for t, *point in _measured(trials, x, y)]  # fmt: skip
    return Table(["trial", x, y, *([shade] if shade else [])], rows)


def _measured(trials: Sequence[TrialView], x: str, y: str) -> list[tuple[TrialView, float, float]]:
    """Return the trials that have both metrics, with these."""
    return [
        (t, a, b)
        for t in trials
        if (a := finite_number(t["metrics"].get(x))) is not None
        and (b := finite_number(t["metrics"].get(y))) is not None
    ]


def scatter_plot(trials: Sequence[TrialView], x: str, y: str, shade: str | None) -> Markup | None:
    """Draw metric y against metric x, a dot per trial, its opacity by the parameter `shade`."""
    rows = _measured(trials, x, y)
    if not rows:
        return None
    axes = _metric_axes([(a, b) for _, a, b in rows], x, y)
    tones = _scale([t["params"].get(shade) if shade else None for t, _, _ in rows])
    parts = [text(660, 14, f"darker = larger {shade}", "end")] if shade else []
    for (trial, a, b), tone in zip(rows, tones, strict=True):
        title = f"trial {trial['number']}: {x} {a:.4g}, {y} {b:.4g}"
        parts.append(_dot(axes, (a, b), title, tone))
    return axes.draw(parts, f"{y} against {x}")
