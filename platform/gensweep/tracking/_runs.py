"""Finds or makes the MLflow run of each trial, so that no trial gets two.

A run carries its identity as a tag, by which it is looked up before one is made. A process that
made the sweep's own run made all others too, and spares the look-ups.
"""

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from gensweep.files import cut_torn_line
from gensweep.tracking._spool import Event

IDENTITY = "gensweep.trial"
SWEEP = "gensweep.sweep"
LONGEST_TAG = 5000


class Runs:
    """The runs of a sweep, by the number of their trial; None is the sweep's own.

    `file` keeps their ids for the process that resumes the sweep.
    """

    def __init__(self, sweep: str, file: Path) -> None:
        self._sweep, self._file = sweep, file
        self._lock, self._creating = threading.Lock(), threading.Lock()
        self._ids: dict[str, str] = _read(file)
        self._made_sweep_run = False
        self._uncertain: set[str] = set()
        """Names of runs whose creation failed here; the server may have made them, or may yet."""
        self.artifact_uris: dict[str, str] = {}
        """Run to the place of its artifacts, for runs that were made here and have not ended."""

    def run_id(self, number: int | None) -> str | None:
        """Return the run's id, None if it has not been made."""
        with self._lock:
            return self._ids.get(self._name(number))

    def find_or_create(self, client: Any, experiment: str, event: Event) -> tuple[str, bool]:
        """Return the id of the event's run, and whether it was made just now."""
        return self._find_or_create(client, experiment, event["trial"], event)

    def _name(self, number: int | None) -> str:
        return f"{self._sweep}/{'sweep' if number is None else number}"

    def _find_or_create(
        self, client: Any, experiment: str, number: int | None, event: Event
    ) -> tuple[str, bool]:
        """Look a run up here, then at the server; make it of its first event otherwise."""
        name = self._name(number)
        if name in self._ids:
            return self._ids[name], False
        parent = None if number is None else self._parent(client, experiment, event)
        found = self._find(client, experiment, name) if self._may_exist(name) else []
        run = found[0] if found else self._create(client, experiment, number, parent, event)
        self._remember(name, run)
        return run, not found

    def _parent(self, client: Any, experiment: str, event: Event) -> str:
        # Several runs are delivered side by side: only one thread may make their parent.
        with self._creating:
            return self._find_or_create(client, experiment, None, event)[0]

    def _may_exist(self, name: str) -> bool:
        return not self._made_sweep_run or name in self._uncertain

    def _find(self, client: Any, experiment: str, name: str) -> list[str]:
        quote = '"' if "'" in name else "'"
        runs = client.search_runs([experiment],
                                  f"tags.`{IDENTITY}` = {quote}{name}{quote}",
                                  order_by=["attributes.start_time ASC"])  # fmt: skip
        return [run.info.run_id for run in runs]

    def _create(
        self, client: Any, experiment: str, number: int | None, parent: str | None, event: Event
    ) -> str:
        name = self._name(number)
        tags = {IDENTITY: name, SWEEP: self._sweep, "mlflow.loggedImages": "True"}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        if event["trial"] == number:
            tags |= start_tags(event)
        title = self._sweep if number is None else f"trial-{number:04d}"
        # A request that times out may still be carried out. Until it is answered, the name is
        # looked up before another run is made; the tag is the only thing both runs share.
        certain = name not in self._uncertain
        self._uncertain.add(name)
        run = client.create_run(experiment, event["time"], tags, title)
        if certain:
            self._uncertain.remove(name)
            self._made_sweep_run |= number is None
        self.artifact_uris[str(run.info.run_id)] = run.info.artifact_uri
        return str(run.info.run_id)

    def _remember(self, name: str, run: str) -> None:
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "run": run}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with self._lock:
            self._ids[name] = run

    def drop_twins(self, client: Any, experiment: str, number: int | None, run: str) -> None:
        """Delete runs made by requests that timed out here but were carried out later."""
        if not self._may_exist(self._name(number)):
            return
        for other in self._find(client, experiment, self._name(number)):
            if other != run:
                client.delete_run(other)


def start_tags(event: Event) -> dict[str, str]:
    """Return the tags of an event that starts a run; none for other events."""
    if "tags" not in event:
        return {}
    known = {name: value[:LONGEST_TAG] for name, value in event["tags"].items()}
    return {**known, **status_tags("running")}


def status_tags(state: str) -> dict[str, str]:
    """Return the tags that tell a run's state; the short name is what one types into a search."""
    return {"gensweep.status": state, "status": state}


def _read(path: Path) -> dict[str, str]:
    """Read what is kept of runs; a damaged line is passed over, for its run is looked up then."""
    runs: dict[str, str] = {}
    if path.exists():
        cut_torn_line(path)
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError):
                kept = json.loads(line)
                name, run = kept["name"], kept["run"]
                if isinstance(name, str) and isinstance(run, str):
                    runs[name] = run
    return runs


def find_or_create_experiment(client: Any, name: str) -> str:
    """Return the experiment's id. It is made if there is none, and restored if it is deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # somebody else was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)
