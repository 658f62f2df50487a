"""Reading sweeps from outside, while they run or afterwards."""

from contextlib import AbstractContextManager
from typing import Any

from gensweep.errors import refuse_unreadable
from gensweep.home import find_home
from gensweep.results._records import trial_views
from gensweep.results._stored_report import floor_of
from gensweep.stack_env import apply_env
from gensweep.study import SweepSnapshot, is_driven, ledger_of, list_sweeps, read_sweep


def sweeps_here() -> list[dict[str, Any]]:
    """List the sweeps of this home's ledger as plain JSON, newest last."""
    return [_in_list(view) for view in list_sweeps(ledger_here())]


def ledger_here() -> str:
    """Name the ledger that this folder's environment points at."""
    apply_env()
    return ledger_of(str(find_home().path))


def _in_list(view: SweepSnapshot) -> dict[str, Any]:
    with refuse_damaged(view.name):
        return {
            "name": view.name,
            "model": view.spec["model"],
            "data": view.spec["data"],
            "trials": view.planned,
            "states": {state.value: count for state, count in view.states.items()},
            "created": view.created,
            "hours": view.hours,
        }


def model_of(name: str) -> str:
    """Return the name of the model that a sweep is of; `UserError` as of `results_of`."""
    view = read_here(name)
    with refuse_damaged(name):
        return str(view.spec["model"])


def results_of(name: str) -> dict[str, Any]:
    """Read a sweep as plain JSON: every trial, and the protocol by which each was measured.

    `UserError` if the ledger has no sweep of this name.
    """
    view = read_here(name)
    with refuse_damaged(name):
        return _as_json(view)


def _as_json(view: SweepSnapshot) -> dict[str, Any]:
    protocol = view.spec.get("protocol", {})
    return {
        "name": view.name,
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
    return read_sweep(name, ledger_here())


def refuse_damaged(*names: str) -> AbstractContextManager[None]:
    """Turn whatever is raised for odd values that a ledger has of sweeps into a `UserError`."""
    told = f"what the ledger tells of {' and '.join(map(repr, names))}"
    return refuse_unreadable(told, "restore it from a copy")


def is_driven_here(name: str) -> bool:
    """Return whether a process drives a sweep of this home's ledger, as `is_driven` finds out."""
    return is_driven(name, ledger_of(str(find_home().path)))
