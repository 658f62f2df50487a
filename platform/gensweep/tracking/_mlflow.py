"""Delivering events to MLflow, so that doing it twice is doing it once.

Points are rows keyed by run, name, step, time and value, and their times come from the spool.
Pictures are named after their event, and runs have an identity (see `_runs`).
"""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

from gensweep.tracking._pictures import NoPicture, log_picture
from gensweep.tracking._runs import LONGEST_TAG, Runs, experiment_of, tags_of
from gensweep.tracking._spool import Event, Position, Spool
from gensweep.trial import TrialState

_RETRIED = frozenset({401, 403, 408, 425, 429})
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the drainer has its own patience
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a trial in the job's log
}
_POINTS = 1000
_LONGEST_PARAM = 6000


class Refused(Exception):  # noqa: N818
    """The server will never take this."""


class Sink:
    """Speaks to MLflow from the drainer's threads, of which each run has one at a time."""

    def __init__(self, tracking_uri: str, experiment: str, sweep: str, runs: Path) -> None:
        self._uri, self._experiment = tracking_uri, experiment
        self._runs = Runs(sweep, runs)
        self.known = self._runs.known
        self._client: Any = None
        self._experiment_id = ""

    def deliver(self, group: list[tuple[Event, Position]], spool: Spool) -> None:
        """Deliver events of one kind and run; `Refused` if it is hopeless."""
        client = self._connected()
        from mlflow.exceptions import MlflowException

        try:
            self._deliver(client, [event for event, _ in group], spool)
        except NoPicture as error:
            raise Refused(str(error)) from error
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
            self._experiment_id = experiment_of(self._client, self._experiment)
        return self._client

    def _deliver(self, client: Any, events: list[Event], spool: Spool) -> None:
        first = events[0]
        run, made = self._runs.of(client, self._experiment_id, first)
        match first["kind"]:
            case "sweep":
                self._start(client, run, first, made)
                _dataset(client, run, first.get("data"))
            case "trial":
                self._start(client, run, first, made)
            case "metrics":
                _points(client, run, events)
            case "image":
                log_picture(partial(self._keep_file, client, run), first, spool.blob(first))
            case "artifact":
                self._keep_file(client, run, str(spool.blob(first)), first["folder"] or None)
            case "finish":
                self._finish(client, run, first)

    def _keep_file(self, client: Any, run: str, path: str, folder: str | None) -> None:
        """Into the run's place, for which a run that was made just now need not be looked up."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self._runs.places.get(run)
        if place is None:
            client.log_artifact(run, path, folder)
        else:
            get_artifact_repository(place, tracking_uri=self._uri).log_artifact(path, folder)

    def _start(self, client: Any, run: str, event: Event, made: bool) -> None:
        from mlflow.entities import Param, RunTag

        params = [Param(k, v[:_LONGEST_PARAM]) for k, v in event.get("params", {}).items()]
        tags = [] if made else [RunTag(k, v) for k, v in tags_of(event).items()]
        for at in range(0, max(len(params), len(tags)), 100):
            client.log_batch(run, params=params[at : at + 100], tags=tags[at : at + 100])
        if not made:
            client.update_run(run, status="RUNNING")

    def _finish(self, client: Any, run: str, event: Event) -> None:
        from mlflow.entities import Metric, RunTag

        state = _state(event)
        points = [Metric(k, v, event["time"], 0) for k, v in event["values"].items()]
        tags = [RunTag("gensweep.status", str(state))]
        tags.append(RunTag("gensweep.cause", event["cause"][:LONGEST_TAG]))
        for at in range(0, max(1, len(points)), _POINTS):
            client.log_batch(run, metrics=points[at : at + _POINTS], tags=tags)
        client.set_terminated(run, state.run_status, event["time"])
        self._runs.places.pop(run, None)
        self._runs.drop_twins(client, self._experiment_id, event["trial"], run)


def _state(event: Event) -> TrialState:
    """How the run ended; `Refused` for a word that no version writes."""
    try:
        return TrialState(event["state"])
    except ValueError as error:
        raise Refused(str(error)) from error


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
