"""The study's records together with what the store keeps beside each trial."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gensweep.errors import UserError
from gensweep.report import unjudged
from gensweep.storage import ObjectStore, open_store
from gensweep.study import TrialRecord
from gensweep.sweep._results import as_records

Trials = list[dict[str, Any]]
READERS = 8


def judged(uri: str, name: str, records: Sequence[TrialRecord]) -> tuple[Trials, str]:
    """The trials with their stored verdicts, and in one line what could not be had."""
    if not uri:
        return as_records(records), "verdicts need the store: run `gensweep up`, or set " \
                                    "GENSWEEP_STORE."  # fmt: skip
    verdicts: dict[int, dict[str, Any]] = {}
    try:
        store = open_store(uri)
        keys = store.list(f"sweeps/{name}/trials/")
        with ThreadPoolExecutor(READERS) as readers:
            ended = [key for key in keys if key.endswith("/result.json")]
            for found in readers.map(partial(_verdict, store), ended):
                verdicts |= found
    except UserError as error:
        return as_records(records, verdicts), f"not every verdict could be read: {error}"
    trials = as_records(records, verdicts)
    return trials, unjudged(trials)


def _verdict(store: ObjectStore, key: str) -> dict[int, dict[str, Any]]:
    """The verdict by its trial's number; empty if the object is lost or is none."""
    try:
        result = json.loads(store.get(key))
        return {int(result["number"]): result}
    except (LookupError, TypeError, ValueError):
        return {}


def lane_of(store: ObjectStore, sweep: str, number: int) -> bytes:
    """The trained lane of a trial that ended; `LookupError` or `UserError` if it is lost."""
    result = json.loads(store.get(f"sweeps/{sweep}/trials/{number:04d}/result.json"))
    return store.get(result["lane"])


def grids(uri: str, name: str, trials: Trials) -> dict[str, bytes]:
    """The last sample grid of each of `trials`, by number, where the store has one."""
    found = {}
    for trial in trials:
        key = f"sweeps/{name}/trials/{trial['number']:04d}/samples.png"
        try:
            found[str(trial["number"])] = open_store(uri).get(key)
        except (UserError, LookupError):  # the report goes without the picture
            continue
    return found
