"""A sweep's trials as plain records, for `gensweep results`, the table and the report."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypedDict

from gensweep.learning_curve import curve_history
from gensweep.redact import redact_tree
from gensweep.report import middle_trial
from gensweep.trial import ArtifactPointer, Course, Outcome, TrialRecord, TrialState, TrialView

FAILURES: Final = frozenset[str](
    {*(outcome for outcome in Outcome if outcome.failure), TrialState.FAILED}
)
"""What `TrialView.outcome` says of trials that went wrong."""


class Spent(TypedDict, total=False):
    """The time of a trial, where one pack trained it from its begin to its end."""

    seconds: float


def trial_views(records: Iterable[TrialRecord]) -> list[TrialView]:
    """Describe each trial of the ledger as plain JSON, with its secrets replaced."""
    return redact_tree([_view(record) for record in records])


def _view(record: TrialRecord) -> TrialView:
    result = record.result
    kept: ArtifactPointer | dict[str, Any] = result.get("kept") or {}
    course: Course = {}
    if "learning" in result:
        course["history"] = curve_history(result["learning"])
    elif "history" in result:
        course["history"] = result["history"]
    if "lineage" in result:
        course["lineage"] = result["lineage"]
    spent: Spent = {}
    if record.attempts == 1 and record.started is not None and record.ended is not None:
        spent["seconds"] = record.ended - record.started
    return {
        "number": record.number,
        "group": record.group,
        "confirm_round": record.confirm_round,
        "state": record.state,
        "outcome": result.get("outcome", record.state),
        "cause": record.cause,
        "params": dict(record.params),
        "metrics": dict(record.metrics),
        "curves": result.get("curves", {}),
        "intervals": result.get("intervals", {}),
        "kept": kept,
        "images": record.images,
        **course,
        **spent,
        "seed": record.seed,
        "attempts": record.attempts,
        "pack_losses": record.lost,
        "host_losses": record.hosts,
    }


def typical_failures(trials: Sequence[TrialView], metric: str) -> list[TrialView]:
    """Choose one trial of each kind of failure: the one in the middle by `metric`."""
    kinds: dict[str, list[TrialView]] = {}
    for trial in trials:
        if trial["outcome"] in FAILURES:
            kinds.setdefault(trial["outcome"], []).append(trial)
    return [middle_trial(kind, metric) for kind in kinds.values()]
