"""Which run of MLflow is which trial's: found by its identity, or made, once.

Runs are looked up by their identity tag before one is made, unless this process made the sweep's
own: then it has made all others.
"""

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

    `file` remembers them for whoever goes on.
    """

    def __init__(self, sweep: str, file: Path) -> None:
        self._sweep, self._file = sweep, file
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._ids: dict[str, str] = _read(file)
        self._alone = False
        self._doubtful: set[str] = set()
        """Whose creation failed here, though the server may have carried it out, or may yet."""
        self.places: dict[str, str] = {}
        """Where files of runs go that were made here and have not ended."""

    def known(self, number: int | None) -> str | None:
        """The run's id, if it has been made."""
        with self._lock:
            return self._ids.get(self._name(number))

    def of(self, client: Any, experiment: str, event: Event) -> tuple[str, bool]:
        """The id of the event's run, and whether it was made just now."""
        return self._run(client, experiment, event["trial"], event)

    def _name(self, number: int | None) -> str:
        return f"{self._sweep}/{'sweep' if number is None else number}"

    def _run(
        self, client: Any, experiment: str, number: int | None, event: Event
    ) -> tuple[str, bool]:
        """The run's id, and whether it was made just now, of its first event."""
        name = self._name(number)
        if name in self._ids:
            return self._ids[name], False
        parent = None if number is None else self._parent(client, experiment, event)
        found = self._find(client, experiment, name) if self._may_exist(name) else []
        run = found[0] if found else self._create(client, experiment, number, parent, event)
        self._keep(name, run)
        return run, not found

    def _parent(self, client: Any, experiment: str, event: Event) -> str:
        with self._making:
            return self._run(client, experiment, None, event)[0]

    def _may_exist(self, name: str) -> bool:
        return not self._alone or name in self._doubtful

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
            tags |= tags_of(event)
        title = self._sweep if number is None else f"trial-{number:04d}"
        certain = name not in self._doubtful
        self._doubtful.add(name)
        run = client.create_run(experiment, event["time"], tags, title)
        if certain:
            self._doubtful.remove(name)
            self._alone |= number is None
        self.places[str(run.info.run_id)] = run.info.artifact_uri
        return str(run.info.run_id)

    def _keep(self, name: str, run: str) -> None:
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "run": run}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with self._lock:
            self._ids[name] = run

    def drop_twins(self, client: Any, experiment: str, number: int | None, run: str) -> None:
        """Runs made by requests that timed out here, but that the server carried out later."""
        if not self._may_exist(self._name(number)):
            return
        for other in self._find(client, experiment, self._name(number)):
            if other != run:
                client.delete_run(other)


def tags_of(event: Event) -> dict[str, str]:
    """Those of a run that starts; none of other events."""
    if "tags" not in event:
        return {}
    known = {name: value[:LONGEST_TAG] for name, value in event["tags"].items()}
    return {**known, "gensweep.status": "running"}


def _read(path: Path) -> dict[str, str]:
    runs: dict[str, str] = {}
    if path.exists():
        cut_torn_line(path)
        for line in path.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            runs[kept["name"]] = kept["run"]
    return runs


def experiment_of(client: Any, name: str) -> str:
    """The id of the experiment, which is made if there is none, or made undone if deleted."""
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
