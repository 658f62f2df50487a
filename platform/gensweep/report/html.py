"""One self-contained HTML file that answers the sweep's question."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from typing import Any

from gensweep.report._figures import (
    Trial,
    best_curve,
    coordinates,
    edges_of,
    number,
    outcome,
    scatter,
    stability,
    strata,
    truncation,
)  # fmt: skip
from gensweep.report._page import SCRIPT, STYLE
from gensweep.report._svg import OUTCOMES
from gensweep.report._tables import lost, rates, show, table
from gensweep.report.stats import wilson

__all__ = ["build_report"]


def build_report(
    sweep: dict[str, Any],
    trials: list[Trial],
    images: dict[str, bytes],
    *,
    by: str | None = "objective",
    over: str = "learning_rate",
    metric: str = "frechet",
    scatter_of: tuple[str, str, str | None] | None = None,
) -> str:
    """The report of a sweep; `metric` is minimised, images are PNG by trial number.

    `sweep` may hold name, protocol, versions, seed and next (the line to type next); `scatter_of`
    names two metrics and the parameter that shades the dots.
    """
    name = html.escape(str(sweep.get("name", "sweep")))
    body = f"<h1>{name}</h1><p class=answer>{html.escape(_answer(trials, by, metric))}</p>"
    for title, content in _sections(trials, by, over, metric, sweep.get("protocol", {})):
        body += f"<section><h2>{html.escape(title)}</h2>{content}</section>" if content else ""
    if scatter_of and (dots := scatter(trials, *scatter_of)):
        body += f"<h2>{html.escape(' against '.join(scatter_of[1::-1]))}</h2>{dots}"
    body += _samples(trials, images, metric) + table(trials) + _protocol(sweep)
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f'<link rel=icon href="data:,"><style>{STYLE}</style></head>'
        f"<body>{body}<script>{SCRIPT}</script></body></html>"
    )


def _sections(
    trials: list[Trial], by: str | None, over: str, metric: str, protocol: dict[str, Any]
) -> list[tuple[str, str]]:
    groups, edges = strata(trials, by), edges_of(trials, over)
    maps = "".join(
        f"<h3>{html.escape(name)}</h3>{stability(group, over, f'Outcomes of {name}', edges)}"
        for name, group in groups.items()
    ) if edges else ""  # fmt: skip
    best = ""
    for name, group in groups.items():
        values = _values(group, metric)
        best += f"<h3>{html.escape(name)}</h3>{best_curve(values, metric)}" if values else ""
    names = sorted({key for trial in trials for key in trial["params"]})
    return [
        ("Stability map", _legend() + maps if maps else ""),
        ("Success rates", rates(groups)),
        ("Lost modes", lost(groups, protocol)),
        ("Best of k trials", best),
        ("Hyperparameters", _legend() + coordinates(trials, names) if names else ""),
        ("Fidelity and variety", truncation(trials)),
    ]


def _values(trials: Sequence[Trial], metric: str) -> list[float]:
    found = [number(trial.get("metrics", {}).get(metric)) for trial in trials]
    return [value for value in found if value is not None]


def _best(trials: Sequence[Trial], metric: str) -> Trial | None:
    judged = [t for t in trials if _values([t], metric)]
    healthy = [t for t in judged if outcome(t) == "converged"] or judged
    return min(healthy, key=lambda t: float(t["metrics"][metric]), default=None)


def _answer(trials: list[Trial], by: str | None, metric: str) -> str:
    if not trials:
        return "No trial has ended yet."
    good = sum(outcome(t) == "converged" for t in trials)
    low, high = wilson(good, len(trials))
    says = (
        f"{good} of {len(trials)} trials converged "
        f"({good / len(trials):.0%}, 95 % interval {low:.0%} to {high:.0%})"
    )
    best = _best(trials, metric)
    if best is None:
        return f"{says}; none has a {metric}."
    where = f" with {by}={best['params'][by]}" if by in best["params"] else ""
    value = show(best["metrics"][metric])
    return f"{says}; the best is trial {best['number']}{where}, {metric} {value}."


def _legend() -> str:
    items = "".join(f"<span><i class={o}></i>{o}</span>" for o in OUTCOMES)
    return f"<p class=legend>{items}</p>"


def _samples(trials: list[Trial], images: dict[str, bytes], metric: str) -> str:
    best = _best(trials, metric)
    first = [best] if best else []
    failures = [
        next((t for t in trials if outcome(t) == o and str(t["number"]) in images), None)
        for o in ("collapsed", "diverged", "unconverged")
    ]
    chosen = [t for t in [*first, *failures] if t is not None and str(t["number"]) in images]
    shown = {t["number"]: t for t in chosen}.values()
    body = "".join(_image(t, images[str(t["number"])]) for t in shown)
    return f"<h2>Samples of the best and of typical failures</h2>{body}" if body else ""


def _image(trial: Trial, png: bytes) -> str:
    params = ", ".join(f"{key}={show(value)}" for key, value in trial["params"].items())
    caption = html.escape(f"trial {trial['number']}, {outcome(trial)}: {params}")
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _protocol(sweep: dict[str, Any]) -> str:
    kept = {key: sweep[key] for key in ("protocol", "versions", "seed") if key in sweep}
    stated = html.escape(json.dumps(kept, indent=2, default=str, ensure_ascii=False))
    body = f"<h2>Protocol</h2><pre>{stated}</pre>" if kept else ""
    if sweep.get("next"):
        body += f"<h2>Next</h2><pre>{html.escape(str(sweep['next']))}</pre>"
    return body
