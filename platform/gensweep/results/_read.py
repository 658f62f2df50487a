"""Reading sweeps from outside, while they run or afterwards."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gensweep.home import find_home
from gensweep.results._records import trial_views
from gensweep.results._stored_report import floor_of
from gensweep.stack_env import apply_env
from gensweep.study import SweepSnapshot, is_driven, ledger_of, list_sweeps, read_sweep
from gensweep.trial import TrialRecord, TrialState


def sweeps_here() -> list[dict[str, Any]]:
    """List the sweeps of this home's ledger as plain JSON, newest last."""
    apply_env()
    return [
        {
            "name": view.name,
            "model": view.spec["model"],
            "data": view.spec["data"],
            "trials": view.planned,
            "states": _count_states(view.records),
            "created": view.created,
            "hours": view.hours,
        }
        for view in list_sweeps(ledger_of(str(find_home().path)))
    ]


def _count_states(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Count the trials in each state that occurs, in the order of `TrialState`."""
    counts = Counter(record.state for record in records)
    return {state.value: counts[state] for state in TrialState if counts[state]}


def model_of(name: str) -> str:
    """Return the name of the model that a sweep is of; `UserError` as of `results_of`."""
    return str(read_here(name).spec["model"])


def results_of(name: str) -> dict[str, Any]:
    """Read a sweep as plain JSON: every trial, and the protocol by which each was measured.

    `UserError` if the ledger has no sweep of this name.
    """
    view = read_here(name)
    protocol = view.spec.get("protocol", {})
    return {
        "name": name,
        "metric": view.spec["objective"]["metric"],
        "direction": view.spec["objective"]["direction"],
        "by": view.spec.get("by"),
        "over": view.map_axis,
        "protocol": protocol,
        "floor": floor_of(view),
        "versions": view.versions,
        "trials": [{**trial, "protocol": protocol} for trial in trial_views(view.records)],
    }


def read_here(name: str) -> SweepSnapshot:
    """Read a sweep of this home's ledger; `UserError` lists the known ones if there is none."""
    apply_env()
    return read_sweep(name, ledger_of(str(find_home().path)))


def is_driven_here(name: str) -> bool:
    """Return whether a process drives a sweep of this home's ledger, as `is_driven` finds out."""
    return is_driven(name, ledger_of(str(find_home().path)))
