"""Finds and deletes all that MLflow has of a sweep: its runs, and the model that it registered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gensweep.tracking._impatient_client import impatient_client
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
    with impatient_client(tracking_uri) as client:
        runs = tuple(_runs(client, sweep))
        return SweepTraces(runs=runs, versions=tuple(_versions(client, frozenset(runs))))


def delete_traces(tracking_uri: str, traces: SweepTraces) -> None:
    """Delete model versions, then runs, which MLflow keeps as deleted ones until `mlflow gc`."""
    with impatient_client(tracking_uri) as client:
        for name, version in traces.versions:
            client.delete_model_version(name, version)
            if not client.search_model_versions(f"name = '{name}'"):
                client.delete_registered_model(name)
        for run in traces.runs:
            client.delete_run(run)


def _runs(client: Any, sweep: str) -> Iterator[str]:
    experiments = [one.experiment_id for one in _all(client.search_experiments)]
    if experiments:
        of_sweep = f"tags.`{SWEEP}` = '{sweep}'"
        for run in _all(client.search_runs, experiment_ids=experiments, filter_string=of_sweep):
            yield run.info.run_id


def _versions(client: Any, runs: frozenset[str]) -> Iterator[tuple[str, str]]:
    for version in _all(client.search_model_versions):
        if version.run_id in runs:
            yield version.name, str(version.version)


def _all(search: Callable[..., Any], **given: Any) -> Iterator[Any]:
    """Yield everything that one of MLflow's searches finds, page by page."""
    token = None
    while True:
        found = search(**given, max_results=PAGE, page_token=token)
        yield from found
        token = found.token
        if not token:
            return
