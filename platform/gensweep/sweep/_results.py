"""A sweep's trials as plain records, for `gensweep results`, the table and the report."""

from collections.abc import Iterable, Mapping
from typing import Any

from gensweep.study import TrialRecord

FINE = ("converged", "unconverged")


def as_records(
    records: Iterable[TrialRecord], judged: Mapping[int, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """One plain dict a trial; `judged` adds the verdict and the curve where there is one."""
    return [_record(r, (judged or {}).get(r.number, {})) for r in records]


def _record(record: TrialRecord, judged: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": record.number,
        "state": record.state,
        "outcome": judged.get("outcome", record.state),
        "cause": record.cause or judged.get("cause", ""),
        "params": dict(record.params),
        "metrics": dict(record.metrics),
        "curves": {"truncation": judged["curve"]} if judged.get("curve") else {},
        "images": record.images,
        "seed": record.seed,
        "attempts": record.attempts,
    }


def ranked(trials: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Completed trials, best first."""
    done = [t for t in trials if t["state"] == "completed" and metric in t["metrics"]]
    return sorted(done, key=lambda t: float(t["metrics"][metric]))


def failures(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each kind of failure: what typically goes wrong."""
    first: dict[str, dict[str, Any]] = {}
    for trial in trials:
        if trial["outcome"] not in FINE:
            first.setdefault(trial["outcome"], trial)
    return list(first.values())
