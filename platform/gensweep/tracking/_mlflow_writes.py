"""Writes a spool's events to MLflow, so that delivering one twice changes nothing.

Points are rows keyed by run, name, step, time and value, and their times come from the spool.
Pictures are named after their event, and runs have an identity (see `_runs`).
"""

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gensweep.tracking._pictures import UnreadableImageError, log_image_file
from gensweep.tracking._runs import (
    LONGEST_TAG,
    Runs,
    find_or_create_experiment,
    start_tags,
    status_tags,
)
from gensweep.tracking._shared_view import (
    KIND,
    KIND_TAG,
    LONGEST_VIEW,
    SweepView,
    view_tag,
    view_value,
)
from gensweep.tracking._spool import Event, Position, Spool
from gensweep.tracking._whole_answers import refuse_cut_answers
from gensweep.trial import TrialState

_RETRIED = frozenset({401, 403, 408, 425, 429})
"""Client errors that may pass: credentials are rotated, and a busy server asks for patience."""
_SETTINGS = {
    # A request that the client repeats by itself may make a run twice, of which nobody hears: the
    # delivery thread has its own patience, and looks a run up before it makes it again.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a trial in the job's log
}
_POINTS = 1000
_LONGEST_PARAM = 6000


class RefusedError(Exception):
    """The server will never take this event, so another delivery would be in vain."""


class Sink:
    """Writes events to MLflow. Several threads may call it, but only one at a time for a run."""

    def __init__(self, tracking_uri: str, experiment: str, sweep: str, runs: Path) -> None:
        self._uri, self._experiment, self._sweep = tracking_uri, experiment, sweep
        self._runs = Runs(sweep, runs)
        self.run_id = self._runs.run_id
        self._client: Any = None
        self.experiment_id = ""
        """Empty until the server has told it."""

    def deliver(self, group: list[tuple[Event, Position]], spool: Spool) -> None:
        """Write events of one kind and run; `RefusedError` if the server will never take them.

        Any other error (no answer, a server error) means: try the same events again later.
        """
        client = self._connect()
        from mlflow.exceptions import MlflowException

        try:
            self._deliver(client, [event for event, _ in group], spool)
        except UnreadableImageError as error:
            raise RefusedError(str(error)) from error
        except MlflowException as error:
            status = error.get_http_status_code()
            if 400 <= status < 500 and status not in _RETRIED:
                raise RefusedError(str(error)) from error
            raise

    def _connect(self) -> Any:
        if self._client is None:
            for name, value in _SETTINGS.items():
                os.environ.setdefault(name, value)
            from mlflow import MlflowClient

            refuse_cut_answers()
            self._client = MlflowClient(self._uri)
        if not self.experiment_id:
            self.experiment_id = find_or_create_experiment(self._client, self._experiment)
        return self._client

    def _deliver(self, client: Any, events: list[Event], spool: Spool) -> None:
        first = events[0]
        run, made = self._runs.find_or_create(client, self.experiment_id, first)
        match first["kind"]:
            case "sweep":
                self._start_run(client, run, first, made)
                _log_dataset(client, run, first.get("data"))
                self._prepare_ui(client, first)
            case "trial":
                self._start_run(client, run, first, made)
            case "metrics":
                _log_points(client, run, events)
            case "image":
                log_image_file(partial(self._log_file, client, run), first, spool.blob_path(first))
            case "artifact":
                self._log_file(client, run, str(spool.blob_path(first)), first["folder"] or None)
            case "finish":
                self._finish(client, run, first)
            case "rest":
                self._rest(client, run, first)

    def _prepare_ui(self, client: Any, event: Event) -> None:
        """Let the UI open the experiment as model training, and the sweep in a view of its own."""
        client.set_experiment_tag(self.experiment_id, KIND_TAG, KIND)
        if about := event.get("view"):
            value = view_value(self._sweep, SweepView(**about), event["time"])
            # A view of hundreds of hyperparameters fits no tag: the link then opens all runs.
            if len(value) <= LONGEST_VIEW:
                client.set_experiment_tag(self.experiment_id, view_tag(self._sweep), value)

    def _log_file(self, client: Any, run: str, path: str, folder: str | None) -> None:
        """Upload a file into the run's artifacts.

        The place of a run that this process made is known: no request to look the run up.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self._runs.artifact_uris.get(run)
        if place is None:
            client.log_artifact(run, path, folder)
        else:
            get_artifact_repository(place, tracking_uri=self._uri).log_artifact(path, folder)

    def _start_run(self, client: Any, run: str, event: Event, made: bool) -> None:
        from mlflow.entities import Param, RunTag

        # A hundred parameters or tags are MLflow's limit for one request.
        params = [Param(k, v[:_LONGEST_PARAM]) for k, v in event.get("params", {}).items()]
        tags = [] if made else [RunTag(k, v) for k, v in start_tags(event).items()]
        for at in range(0, max(len(params), len(tags)), 100):
            client.log_batch(run, params=params[at : at + 100], tags=tags[at : at + 100])
        if not made:
            client.update_run(run, status="RUNNING")

    def _finish(self, client: Any, run: str, event: Event) -> None:
        state = _state(event)
        tags = status_tags(str(state)) | {"gensweep.cause": event["cause"][:LONGEST_TAG]}
        _set_tags(client, run, tags)
        if event.get("values"):  # of an earlier version
            _log_points(client, run, [{**event, "step": 0}])
        # The time of the event, not of the delivery: a run did not last until the server was back.
        client.set_terminated(run, state.run_status, event["time"])
        self._runs.artifact_uris.pop(run, None)
        self._runs.drop_twins(client, self.experiment_id, event["trial"], run)

    def _rest(self, client: Any, run: str, event: Event) -> None:
        """Show a run that was begun, and has not ended, as one that waits."""
        state = _state(event)
        _set_tags(client, run, status_tags(str(state)))
        client.update_run(run, status=state.run_status)


def _set_tags(client: Any, run: str, tags: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run, tags=[RunTag(name, value) for name, value in tags.items()])


def _state(event: Event) -> TrialState:
    """Read how the run ended; `RefusedError` for a word that no version writes."""
    try:
        return TrialState(event["state"])
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _log_points(client: Any, run: str, events: list[Event]) -> None:
    from mlflow.entities import Metric

    points = [
        Metric(key, value, time_ms, step)
        for event in events
        for step, time_ms, values in event_points(event)
        for key, value in values.items()
    ]
    for at in range(0, len(points), _POINTS):
        client.log_batch(run, metrics=points[at : at + _POINTS])


def event_points(event: Event) -> list[tuple[int, int, dict[str, float]]]:
    """Return the points of a metrics event, with step and time: its own, or those it lists."""
    if "points" in event:
        return [(step, time_ms, values) for step, time_ms, values in event["points"]]
    return [(event["step"], event["time"], event["values"])]


def _log_dataset(client: Any, run: str, data: dict[str, Any] | None) -> None:
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
