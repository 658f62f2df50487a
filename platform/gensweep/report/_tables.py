"""Fills the tables of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from gensweep.metric import NEUTRAL
from gensweep.objective import Objective, finite_number
from gensweep.report._configurations import has_repeats
from gensweep.report._outcomes import outcome
from gensweep.report._table import Table, floor_rows
from gensweep.report._text_table import interval_text
from gensweep.report._words import score_bounds
from gensweep.trial import Outcome, TrialView

INTERVAL = "95 % interval"
"""Head of the column after that of a metric: over draws of as many samples of the trial."""
KINDS = {"points": "modes", "images": "classes"}
"""What a protocol's samples can lose; the protocol tells how many there are under that name."""


def pruned_trials(groups: Mapping[str, Sequence[TrialView]], group_by: str | None) -> Table | None:
    """Count the trials that each value of `group_by` lost to pruning, and the images they saw."""
    rows: list[list[object]] = []
    for stratum, group in groups.items():
        seen = [t["images"] for t in group if outcome(t) == Outcome.PRUNED]
        if seen:
            span = f"{min(seen):,} to {max(seen):,}"
            rows.append([stratum, len(group), len(seen), f"{median(seen):,.0f}", span])
    head = [group_by or "", "trials", "pruned", "images seen, median", "range"]
    return Table(head, rows) if rows else None


@dataclass(frozen=True, kw_only=True, slots=True)
class LostModes:
    """The table of how many modes or classes of the data the samples of trials miss."""

    kind: str
    """What is counted: "modes" or "classes"."""
    total: int
    """How many of them the data have."""
    table: Table


def lost_modes(
    groups: Mapping[str, Sequence[TrialView]], group_by: str | None, protocol: Mapping[str, Any]
) -> LostModes | None:
    """Count the modes (or classes) that trials found for each value of `group_by`.

    None where nothing was measured, or scores judge trials, and samples are no evidence.
    """
    if score_bounds(protocol):
        return None
    kind = KINDS.get(str(protocol.get("kind")), "")
    rows: list[list[object]] = []
    for stratum, group in groups.items():
        found = [v for t in group if (v := _neutral(t, kind)) is not None]
        if found:
            few = sum(v < protocol[kind] for v in found)
            span = f"{min(found):.0f} to {max(found):.0f}"
            rows.append(
                [stratum, len(found), f"{median(found):g}", span, f"{few / len(found):.0%}"]
            )
    if not rows:
        return None
    head = [group_by or "", "trials measured", f"{kind} found, median", "range", "lost any"]
    return LostModes(kind=kind, total=protocol[kind], table=Table(head, rows))


def _neutral(trial: TrialView, name: str) -> float | None:
    metrics = trial.get("metrics", {})
    return finite_number(metrics.get(NEUTRAL + name, metrics.get(name)))


def all_trials(
    trials: Sequence[TrialView], objective: Objective, floor: Mapping[str, float]
) -> Table:
    """List every trial with its hyperparameters and metrics, the best first, below the `floor`.

    The ranked metric has its interval beside it. A configuration of several seeds is told by the
    number of its first trial, and a trial that confirms one by its round.
    """
    ranked = objective.ranked(trials)
    numbers = {t["number"] for t in ranked}
    trials = [*ranked, *(t for t in trials if t["number"] not in numbers)]
    params = sorted({key for t in trials for key in t["params"]})
    found = {key for t in trials for key in t.get("metrics", {})}
    metrics = sorted(found, key=lambda key: (key != objective.metric, key))
    seeds, confirms = has_repeats(trials), any(t.get("confirm_round") for t in trials)
    sure = [[cell] for cell in interval_cells(trials, objective.metric)] or [[] for _ in trials]
    rows = [
        [t["number"], *([t["group"]] if seeds else []),
         *([t.get("confirm_round") or "search"] if confirms else []),
         t["outcome"], t["state"], t["images"],
         *(t["params"].get(key, "") for key in params),
         *(t.get("metrics", {}).get(key, "") for key in metrics[:1]), *cell,
         *(t.get("metrics", {}).get(key, "") for key in metrics[1:]), t.get("cause") or ""]
        for t, cell in zip(trials, sure, strict=True)
    ]  # fmt: skip
    first = ["#", *(["configuration"] if seeds else []), *(["round"] if confirms else []),
             "outcome", "state", "images"]  # fmt: skip
    told = [INTERVAL] if any(sure) else []
    head = [*first, *params, *metrics[:1], *told, *metrics[1:], "cause"]
    on_paper = len(head) - len(metrics[1:]) - 1
    return Table(head, [*floor_rows(head, floor), *rows], on_paper if metrics[1:] else None)


def interval_cells(trials: Sequence[TrialView], metric: str) -> list[str]:
    """Write the interval of a metric for each trial; empty where no trial has one."""
    found = [trial.get("intervals", {}).get(metric) for trial in trials]
    return [interval_text(one) for one in found] if any(found) else []
