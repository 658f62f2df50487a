"""The report's tables."""

from __future__ import annotations

import html
from statistics import median
from typing import Any

from gensweep.objective import Objective, number
from gensweep.report.trials import outcome, rates
from gensweep.trial import Trial

KINDS = {"points": "modes", "images": "classes"}
"""What a protocol's samples can lose; the protocol tells how many there are under that name."""


def success(trials: list[Trial], by: str | None) -> str:
    """Success rates, and how their intervals are made."""
    note = (
        "Rate: converged of all trials that ended. Interval: Wilson's with the effective sample "
        "size, for the seeds of one configuration are not independent of each other."
    )
    return grid(*rates(trials, by)) + f"<p class=note>{note}</p>" if trials else ""


def pruned(groups: dict[str, list[Trial]], by: str | None) -> str:
    """How many trials each value of `by` lost to the pruner, and the images that they saw."""
    rows: list[list[object]] = []
    for stratum, group in groups.items():
        seen = [t["images"] for t in group if outcome(t) == "pruned"]
        if seen:
            span = f"{min(seen):,} to {max(seen):,}"
            rows.append([stratum, len(group), len(seen), f"{median(seen):,.0f}", span])
    head = [by or "", "trials", "pruned", "images seen, median", "range"]
    return grid(head, rows) if rows else ""


def lost(groups: dict[str, list[Trial]], by: str | None, protocol: dict[str, Any]) -> str:
    """How many modes (or classes) trials found for each value of `by`, and how often not all."""
    name = KINDS.get(str(protocol.get("kind")), "")
    rows: list[list[object]] = []
    for stratum, group in groups.items():
        found = [v for t in group if (v := _untruncated(t, name)) is not None]
        if found:
            few = sum(v < protocol[name] for v in found)
            span = f"{min(found):.0f} to {max(found):.0f}"
            rows.append(
                [stratum, len(found), f"{median(found):g}", span, f"{few / len(found):.0%}"]
            )
    head = [by or "", "trials measured", f"{name} found, median", "range", f"lost {name}"]
    total = protocol.get(name)
    return f"<p>The data have {total} {name}.</p>{grid(head, rows)}" if rows else ""


def _untruncated(trial: Trial, name: str) -> float | None:
    metrics = trial.get("metrics", {})
    return number(metrics.get(f"untruncated_{name}", metrics.get(name)))


def table(trials: list[Trial], goal: Objective) -> str:
    """Every trial, the best first."""
    ranked = goal.ranked(trials)
    trials = [*ranked, *(t for t in trials if t not in ranked)]
    params = sorted({key for t in trials for key in t["params"]})
    found = {key for t in trials for key in t.get("metrics", {})}
    metrics = sorted(found, key=lambda key: (key != goal.metric, key))
    rows = [
        [t["number"], t["outcome"], t["state"], t["images"],
         *(t["params"].get(key, "") for key in params),
         *(t.get("metrics", {}).get(key, "") for key in metrics), t.get("cause") or ""]
        for t in trials
    ]  # fmt: skip
    return "<h2>Trials</h2>" + grid(
        ["#", "outcome", "state", "images", *params, *metrics, "cause"], rows
    )


def grid(head: list[str], rows: list[list[object]]) -> str:
    top = "".join(f"<th><button>{html.escape(name)}</button></th>" for name in head)
    lines = ("".join(f"<td>{html.escape(show(cell))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{cells}</tr>" for cells in lines)
    return (
        f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
