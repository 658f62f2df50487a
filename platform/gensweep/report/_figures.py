"""From trial records to figures."""

from __future__ import annotations

import html
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

from gensweep.objective import Objective, number
from gensweep.report._svg import Axes, line, parallel, stacked_bars, tag, text
from gensweep.report._words import CURVE
from gensweep.report.stats import best_of_k, log_bins
from gensweep.report.trials import outcome
from gensweep.trial import Trial

MIN_BINS, MAX_BINS, TRIALS_A_BIN = 3, 8, 2
"""Of a stability map; a bin of one trial shows no share."""


def stability(trials: Sequence[Trial], over: str, label: str, edges: Sequence[float]) -> str:
    """Outcome shares over logarithmic bins of parameter `over`."""
    counts = [Counter[str]() for _ in edges[1:]]
    for trial in trials:
        value = number(trial["params"].get(over))
        if value is not None and value > 0:
            counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)][
                outcome(trial)
            ] += 1
    names = [f"{low:.1e}" for low in edges[:-1]]
    return stacked_bars(list(zip(names, counts, strict=True)), label, f"{over} (bin from)")


def edges_of(trials: Sequence[Trial], over: str, groups: int = 1) -> list[float] | None:
    """Bin edges common to all `groups`, or None where `over` has no positive value."""
    found = [number(trial["params"].get(over)) for trial in trials]
    positive = [value for value in found if value is not None and value > 0]
    count = min(MAX_BINS, max(MIN_BINS, len(positive) // (TRIALS_A_BIN * max(1, groups))))
    return log_bins(positive, count) if positive else None


Spans = list[tuple[int, list[float]]]
"""k, and the 5 %, 50 % and 95 % quantiles of the best of k draws; small is good."""


def best_curves(groups: Mapping[str, Sequence[Trial]], goal: Objective) -> str:
    """Median best of k random configurations and its central 90 %, all groups on one scale."""
    draws = {name: goal.configurations(group) for name, group in groups.items()}
    spans = {name: _spans(found) for name, found in draws.items()}
    seen = [(k, goal.sign * v) for shown in spans.values() for k, span in shown
            for v in span if v < math.inf]  # fmt: skip
    body = ""
    for name, found in draws.items():
        body += f"<h3>{html.escape(name)}</h3>"
        body += _best_curve(spans[name], len(found), Axes(seen, ("k", f"best {goal.metric}")), goal
                            ) if spans[name] else _no_best(len(found), goal)  # fmt: skip
        body += _caption(found, spans[name]) if spans[name] else ""
    return body


def _spans(draws: list[float]) -> Spans:
    """Those with a median: fewer draws hold no trial that was completed."""
    every = [(k, [best_of_k(draws, k, share) for share in (0.05, 0.5, 0.95)])
             for k in range(1, len(draws) + 1)]  # fmt: skip
    return [(k, span) for k, span in every if span[1] < math.inf]


def _no_best(count: int, goal: Objective) -> str:
    name = html.escape(goal.metric)
    return f"<p>None of {count} configurations was completed with a {name}: there is no best.</p>"


def _best_curve(shown: Spans, count: int, axes: Axes, goal: Objective) -> str:
    axes.x = (1.0, max(count, 2.0))
    worst = axes.y[goal.sign > 0]  # where the frame stands for what is infinite
    ring = [(k, goal.sign * span[0]) for k, span in shown]
    ring += [(k, goal.sign * s[2] if s[2] < math.inf else worst) for k, s in reversed(shown)]
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.place, ring))
    curve = line(axes, [(k, goal.sign * span[1]) for k, span in shown], "accent")
    return axes.draw(tag("polygon", points=at, class_="band") + curve, "Best of k")


def _caption(draws: list[float], shown: Spans) -> str:
    """How the curve is to be read."""
    known, count = sum(draw < math.inf for draw in draws), len(draws)
    whole = next(k for k, span in shown if span[2] < math.inf)
    says = (
        f"{known} of {count} configurations were completed; every other one is a draw that ranks "
        "last. Line: the median of the best of k configurations drawn at random, finite from "
        f"k={shown[0][0]} on. Band: its central 90 %, with two finite ends from k={whole} on; "
        "below that it reaches the edge of the frame, because fewer than 95 % of the draws hold "
        "one that was completed."
        if whole > 1
        else f"All of {count} configurations count, {known} of them completed. Line: the median "
        "of the best of k configurations drawn at random. Band: its central 90 %."
    )
    return f"<p class=note>{html.escape(says)}</p>"


def coordinates(trials: Sequence[Trial], names: Sequence[str]) -> str:
    """Parallel coordinates; positive ranges over two decades are scaled by logarithm."""
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
    return parallel(rows, names, ends)


def _ends(column: Sequence[object]) -> tuple[str, str]:
    """What the bottom and the top of a coordinate stand for."""
    present = [value for value in column if value is not None]
    values = [value for value in map(number, present) if value is not None]
    if values and len(values) == len(present):
        return f"{min(values):.3g}", f"{max(values):.3g}"
    words = sorted({str(value) for value in present}) or [""]
    return words[0], words[-1]


def _scale(column: Sequence[object]) -> list[float | None]:
    present = [value for value in column if value is not None]
    if not all(number(value) is not None for value in present):
        order = {name: i for i, name in enumerate(sorted({str(v) for v in present}))}
        return [None if v is None else order[str(v)] / max(len(order) - 1, 1) for v in column]
    values = [number(value) for value in column]
    known = [value for value in values if value is not None]
    if known and min(known) > 0 and max(known) / min(known) > 100:
        values = [None if value is None else math.log(value) for value in values]
        known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return [None if v is None else (v - low) / ((high - low) or 1.0) for v in values]


def truncation(trials: Sequence[Trial], names: Sequence[str]) -> str:
    """Fidelity against variety, the metrics `names`, one line per trial along its thresholds."""
    curves = [
        (t, [(row[2], row[1]) for row in t["curves"]["truncation"]])
        for t in trials
        if t.get("curves", {}).get("truncation")
    ]
    if not curves:
        return ""
    axes = Axes([p for _, curve in curves for p in curve], (names[1], names[0]))
    body = "".join(line(axes, c, outcome(t), f"trial {t['number']}") for t, c in curves)
    drawn = axes.draw(body, "Fidelity against variety over the truncation threshold")
    return drawn + f"<p class=note>{CURVE}</p>"


def scatter(trials: Sequence[Trial], x: str, y: str, shade: str | None) -> str:
    """Metric y against metric x, one dot per trial, opacity by the parameter `shade`."""
    rows = [
        (t, a, b)
        for t in trials
        if (a := number(t["metrics"].get(x))) is not None
        and (b := number(t["metrics"].get(y))) is not None
    ]
    if not rows:
        return ""
    axes = Axes([(a, b) for _, a, b in rows], (x, y))
    tones = _scale([t["params"].get(shade) for t, _, _ in rows])
    body = text(660, 14, f"darker = larger {shade}", "end") if shade else ""
    for (trial, a, b), tone in zip(rows, tones, strict=True):
        left, top = axes.place((a, b))
        body += tag(
            "circle",
            title=f"trial {trial['number']}: {x} {a:.4g}, {y} {b:.4g}",
            cx=f"{left:.1f}",
            cy=f"{top:.1f}",
            r=4,
            class_="dot",
            opacity=f"{0.25 + 0.75 * (tone or 0):.2f}",
        )
    return axes.draw(body, f"{y} against {x}")
