"""Reading sweeps from outside, while they run or afterwards."""

from collections import Counter
from typing import Any

from gensweep.stack import apply_env, find_home
from gensweep.study import list_sweeps, read_sweep
from gensweep.sweep._ledgers import ledger_of
from gensweep.sweep._results import as_records


def sweeps_here() -> list[dict[str, Any]]:
    """The sweeps in the ledger, newest last."""
    apply_env()
    return [
        {
            "name": view.name,
            "model": view.spec["model"],
            "data": view.spec["data"],
            "trials": view.trials,
            "states": dict(Counter(record.state for record in view.records)),
            "created": view.created,
            "hours": view.hours,
        }
        for view in list_sweeps(ledger_of(str(find_home().path)))
    ]


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
            t | {"protocol": view.spec.get("protocol", {})} for t in as_records(view.records)
        ],
    }
