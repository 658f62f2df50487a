"""A sweep's trials as plain records, for `gensweep results`, the table and the report."""

import math
from collections.abc import Iterable
from typing import Any

from gensweep.objective import number
from gensweep.tracking import redact_tree
from gensweep.trial import LINEAGE, Outcome, TrialRecord, TrialState

FAILURES = frozenset({*(o for o in Outcome if o.failure), TrialState.FAILED})


def trial_records(records: Iterable[TrialRecord]) -> list[dict[str, Any]]:
    """One plain dict a trial, without secrets; `kept` says where its weights and samples are."""
    shown: list[dict[str, Any]] = redact_tree([_record(record) for record in records])
    return shown


def _record(record: TrialRecord) -> dict[str, Any]:
    result = record.result
    return {
        "number": record.number,
        "group": record.group,
        "state": record.state,
        "outcome": result.get("outcome", record.state),
        "cause": record.cause,
        "params": dict(record.params),
        "metrics": dict(record.metrics),
        "curves": {"truncation": result["curve"]} if "curve" in result else {},
        "kept": result.get("kept", {}),
        "images": record.images,
        **({LINEAGE: result[LINEAGE]} if LINEAGE in result else {}),
        "seed": record.seed,
        "attempts": record.attempts,
        "pack_losses": record.lost,
        "host_losses": record.hosts,
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


Trials = list[dict[str, Any]]
