"""Reading sweeps from outside, while they run or afterwards."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gensweep.home import find_home
from gensweep.results._records import trial_records
from gensweep.stack import apply_env
from gensweep.study import ledger_of, list_sweeps, read_sweep
from gensweep.trial import TrialRecord, TrialState


def sweeps_here() -> list[dict[str, Any]]:
    """The sweeps in the ledger, newest last."""
    apply_env()
    return [
        {
            "name": view.name,
            "model": view.spec["model"],
            "data": view.spec["data"],
            "trials": view.trials,
            "states": _states(view.records),
            "created": view.created,
            "hours": view.hours,
        }
        for view in list_sweeps(ledger_of(str(find_home().path)))
    ]


def _states(records: Sequence[TrialRecord]) -> dict[str, int]:
    """How many trials are in each state that occurs, always in the same order."""
    counts = Counter(record.state for record in records)
    return {state: counts[state] for state in TrialState if counts[state]}


def results_of(name: str) -> dict[str, Any]:
    """Every trial of a sweep, with the protocol of its numbers."""
    apply_env()
    view = read_sweep(name, ledger_of(str(find_home().path)))
    return {
        "name": name,
        "metric": view.spec["objective"]["metric"],
        "direction": view.spec["objective"]["direction"],
        "by": view.spec.get("by"),
        "protocol": view.spec.get("protocol", {}),
        "versions": view.versions,
        "trials": [
            t | {"protocol": view.spec.get("protocol", {})} for t in trial_records(view.records)
        ],
    }
