"""From trial records to figures."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gensweep.report._svg import OUTCOMES, Axes, line, parallel, stacked_bars, tag, text
from gensweep.report.stats import best_of_k, best_of_k_interval, log_bins

Trial = dict[str, Any]


def outcome(trial: Trial) -> str:
    """The outcome shown: the verdict where there is one, else the state, else `other`."""
    found = trial.get("outcome") or trial.get("state")
    return found if found in OUTCOMES else "other"


def number(value: object) -> float | None:
    """A finite number, or None."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None  # type: ignore[arg-type]


def strata(trials: Sequence[Trial], by: str | None) -> dict[str, list[Trial]]:
    """Trials by the value of parameter `by`, in order of name; one stratum without it."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(str(trial["params"].get(by, "all trials")), []).append(trial)
    return dict(sorted(groups.items()))


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


def edges_of(trials: Sequence[Trial], over: str) -> list[float] | None:
    """Bin edges common to all strata, or None where `over` has no positive value."""
    found = [number(trial["params"].get(over)) for trial in trials]
    positive = [value for value in found if value is not None and value > 0]
    return log_bins(positive) if positive else None


def best_curve(values: Sequence[float], objective: str) -> str:
    """Expected best over k random trials with its central 90 % interval."""
    ks = range(1, len(values) + 1)
    bands = [best_of_k_interval(values, k) for k in ks]
    axes = Axes(
        [(k, v) for k, band in zip(ks, bands, strict=True) for v in band],
        ("trials k", f"expected best {objective}"),
    )
    axes.x = (1.0, max(len(values), 2.0))
    ring = [(k, b[0]) for k, b in zip(ks, bands, strict=True)]
    ring += [(k, b[1]) for k, b in reversed(list(zip(ks, bands, strict=True)))]
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.place, ring))
    curve = line(axes, [(k, best_of_k(values, k)) for k in ks], "accent")
    return axes.draw(tag("polygon", points=at, class_="band") + curve, "Best of k")


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


def truncation(trials: Sequence[Trial]) -> str:
    """Fidelity (Fréchet) against variety (coverage), one line per trial along its thresholds."""
    curves = [
        (t, [(row[2], row[1]) for row in t["curves"]["truncation"]])
        for t in trials
        if t.get("curves", {}).get("truncation")
    ]
    if not curves:
        return ""
    axes = Axes([p for _, curve in curves for p in curve], ("coverage", "Fréchet distance"))
    body = "".join(line(axes, c, outcome(t), f"trial {t['number']}") for t, c in curves)
    return axes.draw(body, "Fidelity against variety over the truncation threshold")


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
