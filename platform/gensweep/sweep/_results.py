"""A sweep's trials as plain records, for `gensweep results`, the table and the report."""

from collections.abc import Iterable, Mapping
from typing import Any

from gensweep.study import TrialRecord
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
        "seed": record.seed,
        "attempts": record.attempts,
    }


def failures(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each kind of failure: what typically goes wrong."""
    first: dict[str, dict[str, Any]] = {}
    for trial in trials:
        if trial["outcome"] in FAILURES:
            first.setdefault(trial["outcome"], trial)
    return list(first.values())
