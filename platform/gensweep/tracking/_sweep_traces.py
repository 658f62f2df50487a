"""Finds and deletes all that MLflow has of a sweep: its runs, and the model that it registered."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError
from gensweep.redact import redact
from gensweep.tracking._runs import SWEEP

PAGE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepTraces:
    """The traces of a sweep in MLflow."""

    runs: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    """Registered model and version, of those that are of these runs."""


def find_traces(tracking_uri: str, sweep: str) -> SweepTraces:
    """Look up what MLflow has of a sweep; `UserError` if it does not answer."""
    with _client(tracking_uri) as client:
        runs = tuple(_runs(client, sweep))
        return SweepTraces(runs=runs, versions=tuple(_versions(client, frozenset(runs))))


def delete_traces(tracking_uri: str, traces: SweepTraces) -> None:
    """Delete model versions, then runs, which MLflow keeps as deleted ones until `mlflow gc`."""
    with _client(tracking_uri) as client:
        for name, version in traces.versions:
            client.delete_model_version(name, version)
            if not client.search_model_versions(f"name = '{name}'"):
                client.delete_registered_model(name)
        for run in traces.runs:
            client.delete_run(run)


@contextmanager
def _client(tracking_uri: str) -> Iterator[Any]:
    import mlflow
    from mlflow.exceptions import MlflowException

    # One who waits at a terminal is told at once that no server answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        yield mlflow.MlflowClient(tracking_uri)
    except MlflowException as error:
        why = (redact(str(error)).splitlines() or [type(error).__name__])[0]
        raise UserError(f"MLflow at {redact(tracking_uri)} refuses ({why[:160]}): `gensweep "
                        "status` tells whether it runs.") from error  # fmt: skip


def _runs(client: Any, sweep: str) -> Iterator[str]:
    experiments = [one.experiment_id for one in client.search_experiments()]
    token = None
    while experiments:
        found = client.search_runs(
            experiments, f"tags.`{SWEEP}` = '{sweep}'", max_results=PAGE, page_token=token
        )
        yield from (run.info.run_id for run in found)
        token = found.token
        if not token:
            return


def _versions(client: Any, runs: frozenset[str]) -> Iterator[tuple[str, str]]:
    for model in client.search_registered_models():
        for version in client.search_model_versions(f"name = '{model.name}'"):
            if version.run_id in runs:
                yield model.name, str(version.version)
