"""One self-contained HTML file that answers the sweep's question."""

from __future__ import annotations

import base64
import html
import json
from typing import Any

from gensweep.objective import Objective
from gensweep.report._figures import (
    best_curves,
    coordinates,
    edges_of,
    scatter,
    stability,
    truncation,
)
from gensweep.report._lineage import lineages
from gensweep.report._page import SCRIPT, STYLE
from gensweep.report._tables import lost, pruned, show, success, table
from gensweep.report._words import facts, rules
from gensweep.report.trials import OUTCOMES, interval, outcome, strata
from gensweep.trial import Trial

__all__ = ["build_report"]


def build_report(
    sweep: dict[str, Any],
    trials: list[Trial],
    images: dict[str, bytes],
    *,
    by: str | None = None,
    over: str = "learning_rate",
    goal: Objective,
    scatter_of: tuple[str, str, str | None] | None = None,
) -> str:
    """The report of a sweep; `goal` ranks its trials, images are PNG by trial number and "real".

    `sweep` may hold name, about, trained (what was not searched, and its value), answer (of the
    held-out test), protocol, versions, seed and next (the line to type next); `scatter_of` names
    two metrics and the parameter that shades the dots.
    """
    name = html.escape(str(sweep.get("name", "sweep")))
    body = f"<h1>{name}</h1><p class=answer>{html.escape(_answer(trials, by, goal))}</p>"
    body += facts(sweep)
    for title, content in _sections(trials, by, over, goal, sweep.get("protocol", {})):
        body += f"<section><h2>{html.escape(title)}</h2>{content}</section>" if content else ""
    if scatter_of and (dots := scatter(trials, *scatter_of)):
        body += f"<h2>{html.escape(' against '.join(scatter_of[1::-1]))}</h2>{dots}"
    body += _samples(trials, images, goal) + table(trials, goal) + _protocol(sweep)
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f'<link rel=icon href="data:,"><style>{STYLE}</style></head>'
        f"<body>{body}<script>{SCRIPT}</script></body></html>"
    )


def _sections(
    trials: list[Trial], by: str | None, over: str, goal: Objective, protocol: dict[str, Any]
) -> list[tuple[str, str]]:
    groups = strata(trials, by)
    edges = edges_of(trials, over, len(groups))
    maps = "".join(
        f"<h3>{html.escape(name)}</h3>{stability(group, over, f'Outcomes of {name}', edges)}"
        for name, group in groups.items()
    ) if edges else ""  # fmt: skip
    names = sorted({key for trial in trials for key in trial["params"]})
    return [
        ("Stability map", _legend() + rules(protocol) + maps if maps else ""),
        ("Success rates", success(trials, by)),
        ("Pruned trials", pruned(groups, by)),
        ("Lost modes", lost(groups, by, protocol)),
        ("Best of k configurations", best_curves(groups, goal)),
        ("Hyperparameters", _legend() + coordinates(trials, names) if names else ""),
        ("Lineage", lineages(trials, over)),
        (
            "Fidelity and variety",
            truncation(trials, protocol.get("curve", ("frechet", "coverage"))),
        ),
    ]


def _answer(trials: list[Trial], by: str | None, goal: Objective) -> str:
    if not trials:
        return "No trial has ended yet."
    good, span = interval(trials)
    says = (
        f"{good} of {len(trials)} trials converged ({good / len(trials):.0%}, 95 % interval {span})"
    )
    stopped = sum(outcome(t) == "pruned" for t in trials)
    says += f"; {stopped} were pruned" if stopped else ""
    best = next(iter(goal.ranked(trials)), None)
    if best is None:
        return f"{says}; none has a {goal.metric}."
    where = f" with {by}={best['params'][by]}" if by in best["params"] else ""
    value = show(best["metrics"][goal.metric])
    fine = "" if outcome(best) == "converged" else f" ({best['outcome']})"
    return f"{says}; the best is trial {best['number']}{fine}{where}, {goal.metric} {value}."


def _legend() -> str:
    items = "".join(f"<span><i class={o}></i>{o}</span>" for o in OUTCOMES)
    return f"<p class=legend>{items}</p>"


def _samples(trials: list[Trial], images: dict[str, bytes], goal: Objective) -> str:
    pictured = [t for t in trials if str(t["number"]) in images]
    chosen = [t for t in goal.ranked(trials)[:1] if t in pictured]
    for kind in ("collapsed", "diverged", "unconverged"):
        chosen += [t for t in pictured if outcome(t) == kind and t not in chosen][:1]
    body = "".join(_image(_said(t), images[str(t["number"])]) for t in chosen)
    if body and "real" in images:
        body = _image("real data", images["real"]) + body
    return f"<h2>Samples of the best and of typical failures</h2>{body}" if body else ""


def _said(trial: Trial) -> str:
    params = ", ".join(f"{key}={show(value)}" for key, value in trial["params"].items())
    return f"trial {trial['number']}, {outcome(trial)}: {params}"


def _image(says: str, png: bytes) -> str:
    caption = html.escape(says)
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
