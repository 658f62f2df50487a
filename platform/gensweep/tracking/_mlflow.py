"""Delivering events to MLflow, so that doing it twice is doing it once.

Points are rows keyed by run, name, step, time and value, and their times come from the spool.
Images are named after their event. Runs are looked up by their identity tag before one is made,
unless this sink made the sweep's own: then it has made all others.
"""

import io
import json
import os
import re
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gensweep.tracking._spool import Event, Position, Spool

IDENTITY = "gensweep.trial"
SWEEP = "gensweep.sweep"
STATUS = {"completed": "FINISHED", "pruned": "FINISHED", "diverged": "FINISHED",
          "collapsed": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}  # fmt: skip
"""Divergence is a result: its run finished, and its tag says how."""
_RETRIED = frozenset({401, 403, 408, 425, 429})
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the drainer has its own patience
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a trial in the job's log
}
_POINTS = 1000
FASTEST = 0
"""Of a picture's small copy: the usual way takes 40 ms and saves a tenth of 20 kB."""
_LONGEST_PARAM, _LONGEST_TAG = 6000, 5000


class Refused(Exception):  # noqa: N818
    """The server will never take this."""


class Sink:
    """Speaks to MLflow from the drainer's threads, of which each run has one at a time."""

    def __init__(self, tracking_uri: str, experiment: str, sweep: str, runs: Path) -> None:
        self._uri, self._experiment, self._sweep = tracking_uri, experiment, sweep
        self._runs_file = runs
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._runs: dict[str, str] = _read_runs(runs)
        self._alone = False
        self._doubtful: set[str] = set()
        """Whose creation failed here, though the server may have carried it out, or may yet."""
        self._places: dict[str, str] = {}
        """Where files of runs go that were made here and have not ended."""
        self._client: Any = None
        self._experiment_id = ""

    def known(self, number: int | None) -> str | None:
        """The run's id, if it has been made."""
        with self._lock:
            return self._runs.get(self._name(number))

    def deliver(self, group: list[tuple[Event, Position]], spool: Spool) -> None:
        """Deliver events of one kind and run; `Refused` if it is hopeless."""
        client = self._connected()
        from mlflow.exceptions import MlflowException

        try:
            self._deliver(client, [event for event, _ in group], spool)
        except MlflowException as error:
            status = error.get_http_status_code()
            if 400 <= status < 500 and status not in _RETRIED:
                raise Refused(str(error)) from error
            raise

    def _connected(self) -> Any:
        if self._client is None:
            for name, value in _SETTINGS.items():
                os.environ.setdefault(name, value)
            from mlflow import MlflowClient

            self._client = MlflowClient(self._uri)
        if not self._experiment_id:
            self._experiment_id = _experiment(self._client, self._experiment)
        return self._client

    def _deliver(self, client: Any, events: list[Event], spool: Spool) -> None:
        first = events[0]
        run, made = self._run(client, first["trial"], first)
        match first["kind"]:
            case "sweep":
                self._start(client, run, first, made)
                _dataset(client, run, first.get("data"))
            case "trial":
                self._start(client, run, first, made)
            case "metrics":
                _points(client, run, events)
            case "image":
                _image(partial(self._keep_file, client, run), first, spool.blob(first))
            case "artifact":
                self._keep_file(client, run, str(spool.blob(first)), first["folder"] or None)
            case "finish":
                self._finish(client, run, first)

    def _keep_file(self, client: Any, run: str, path: str, folder: str | None) -> None:
        """Into the run's place, for which a run that was made just now need not be looked up."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self._places.get(run)
        if place is None:
            client.log_artifact(run, path, folder)
        else:
            get_artifact_repository(place, tracking_uri=self._uri).log_artifact(path, folder)

    def _name(self, number: int | None) -> str:
        return f"{self._sweep}/{'sweep' if number is None else number}"

    def _run(self, client: Any, number: int | None, event: Event) -> tuple[str, bool]:
        """The run's id, and whether it was made just now, of its first event."""
        name = self._name(number)
        if name in self._runs:
            return self._runs[name], False
        parent = None if number is None else self._parent(client, event)
        found = self._find(client, name) if self._may_exist(name) else []
        run = found[0] if found else self._create(client, number, parent, event)
        self._keep(name, run)
        return run, not found

    def _parent(self, client: Any, event: Event) -> str:
        with self._making:
            return self._run(client, None, event)[0]

    def _may_exist(self, name: str) -> bool:
        return not self._alone or name in self._doubtful

    def _find(self, client: Any, name: str) -> list[str]:
        quote = '"' if "'" in name else "'"
        runs = client.search_runs([self._experiment_id],
                                  f"tags.`{IDENTITY}` = {quote}{name}{quote}",
                                  order_by=["attributes.start_time ASC"])  # fmt: skip
        return [run.info.run_id for run in runs]

    def _create(self, client: Any, number: int | None, parent: str | None, event: Event) -> str:
        name = self._name(number)
        tags = {IDENTITY: name, SWEEP: self._sweep, "mlflow.loggedImages": "True"}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        if event["trial"] == number:
            tags |= _tags(event)
        title = self._sweep if number is None else f"trial-{number:04d}"
        certain = name not in self._doubtful
        self._doubtful.add(name)
        run = client.create_run(self._experiment_id, event["time"], tags, title)
        if certain:
            self._doubtful.remove(name)
            self._alone |= number is None
        self._places[str(run.info.run_id)] = run.info.artifact_uri
        return str(run.info.run_id)

    def _keep(self, name: str, run: str) -> None:
        with open(self._runs_file, "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "run": run}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with self._lock:
            self._runs[name] = run

    def _start(self, client: Any, run: str, event: Event, made: bool) -> None:
        from mlflow.entities import Param, RunTag

        params = [Param(k, v[:_LONGEST_PARAM]) for k, v in event.get("params", {}).items()]
        tags = [] if made else [RunTag(k, v) for k, v in _tags(event).items()]
        for at in range(0, max(len(params), len(tags)), 100):
            client.log_batch(run, params=params[at : at + 100], tags=tags[at : at + 100])
        if not made:
            client.update_run(run, status="RUNNING")

    def _finish(self, client: Any, run: str, event: Event) -> None:
        from mlflow.entities import Metric, RunTag

        points = [Metric(k, v, event["time"], 0) for k, v in event["values"].items()]
        tags = [RunTag("gensweep.status", event["state"])]
        tags.append(RunTag("gensweep.cause", event["cause"][:_LONGEST_TAG]))
        for at in range(0, max(1, len(points)), _POINTS):
            client.log_batch(run, metrics=points[at : at + _POINTS], tags=tags)
        client.set_terminated(run, STATUS.get(event["state"], "FAILED"), event["time"])
        self._places.pop(run, None)
        if self._may_exist(self._name(event["trial"])):
            self._drop_twins(client, event["trial"], run)

    def _drop_twins(self, client: Any, number: int | None, run: str) -> None:
        """Runs made by requests that timed out here, but that the server carried out later."""
        for other in self._find(client, self._name(number)):
            if other != run:
                client.delete_run(other)


def _tags(event: Event) -> dict[str, str]:
    """Those of a run that starts; none of other events."""
    if "tags" not in event:
        return {}
    known = {name: value[:_LONGEST_TAG] for name, value in event["tags"].items()}
    return {**known, "gensweep.status": "running"}


def _read_runs(path: Path) -> dict[str, str]:
    runs: dict[str, str] = {}
    if path.exists():
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        for line in whole.splitlines():
            kept = json.loads(line)
            runs[kept["name"]] = kept["run"]
    return runs


def _experiment(client: Any, name: str) -> str:
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


def _points(client: Any, run: str, events: list[Event]) -> None:
    from mlflow.entities import Metric

    points = [
        Metric(key, value, event["time"], event["step"])
        for event in events
        for key, value in event["values"].items()
    ]
    for at in range(0, len(points), _POINTS):
        client.log_batch(run, metrics=points[at : at + _POINTS])


def _dataset(client: Any, run: str, data: dict[str, Any] | None) -> None:
    if data is None:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=str(data["name"])[:500],
        digest=str(data["hash"])[:36],  # the column's width
        source_type="gensweep",
        source=json.dumps({"uri": data.get("source", "")}),
        profile=json.dumps(data.get("profile") or {}),
    )
    tags = [InputTag("mlflow.data.context", "training")]
    client.log_inputs(run, datasets=[DatasetInput(dataset, tags)])


def image_names(event: Event) -> tuple[str, str]:
    """The names under which MLflow's UI looks for a stepped image and its small copy.

    As in `MlflowClient.log_image`, but with an identifier that is the same each time.

    >>> event = {"trial": 1, "key": "samples", "step": 5, "time": 7}
    >>> image_names(event)[0].split("+")[:5]
    ['samples', 'step', '5', 'timestamp', '7']
    >>> image_names(event) == image_names(dict(event))
    True
    """
    identity = f"{event['trial']}/{event['key']}/{event['step']}/{event['time']}"
    key = re.sub("/", "~", event["key"])
    stem = f"{key}+step+{event['step']}+timestamp+{event['time']}"
    stem = f"{stem}+{uuid.uuid5(uuid.NAMESPACE_OID, identity)}"
    return f"{stem}.png", f"{stem}+compressed.webp"


def _image(keep: Callable[[str, str], None], event: Event, blob: Path) -> None:
    from mlflow.tracking.multimedia import compress_image_size
    from PIL import Image

    full, small = image_names(event)
    data = blob.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        copy = compress_image_size(image.convert("RGB"))
    for name in (full, small):
        path = blob.parent / name
        if name == full:
            path.write_bytes(data)
        else:
            copy.save(path, method=FASTEST)
        keep(str(path), "images")
        path.unlink()
