"""A sweep's trials as plain records, for `gensweep results`, the table and the report."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gensweep.report import number
from gensweep.study import TrialRecord
from gensweep.sweep._population import LINEAGE
from gensweep.tracking import redact_tree

FAILURES = ("collapsed", "diverged", "failed", "unconverged")


def as_records(
    records: Iterable[TrialRecord], judged: Mapping[int, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """One plain dict a trial, without secrets; `judged` adds the verdict and the curve."""
    plain = [_record(r, (judged or {}).get(r.number, {})) for r in records]
    shown: list[dict[str, Any]] = redact_tree(plain)
    return shown


def _record(record: TrialRecord, judged: Mapping[str, Any]) -> dict[str, Any]:
    state = "unjudged" if record.state == "completed" else record.state
    return {
        "number": record.number,
        "group": record.group,
        "state": record.state,
        "outcome": judged.get("outcome", state),
        "cause": record.cause or judged.get("cause", ""),
        "params": dict(record.params),
        "metrics": dict(record.metrics),
        "curves": {"truncation": judged["curve"]} if judged.get("curve") else {},
        "images": record.images,
        **({LINEAGE: judged[LINEAGE]} if judged.get(LINEAGE) else {}),
        "seed": record.seed,
        "attempts": record.attempts,
    }


def failures(trials: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Of each kind of failure the trial in the middle by `metric`: what typically goes wrong."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for trial in trials:
        if trial["outcome"] in FAILURES:
            kinds.setdefault(trial["outcome"], []).append(trial)
    return [
        sorted(kind, key=lambda t: _value(t, metric))[len(kind) // 2] for kind in kinds.values()
    ]


def _value(trial: dict[str, Any], metric: str) -> float:
    found = number(trial["metrics"].get(metric))
    return math.inf if found is None else found
