"""Finds the run of a trial in MLflow, whoever recorded it."""

import os
from dataclasses import dataclass

from gensweep.redact import redact
from gensweep.tracking._runs import IDENTITY


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and where its page is."""

    id: str
    address: str
    """Of its page; of a database that no server shows, the run's URI."""


def find_run(tracking_uri: str, sweep: str, number: int) -> FoundRun | None:
    """Return the run of a trial; None if there is none, or nobody answers."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # a link is worth no minute
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient(tracking_uri)
    try:
        experiments = [one.experiment_id for one in client.search_experiments()]
        found = client.search_runs(experiments, f"tags.`{IDENTITY}` = '{sweep}/{number}'")
    except MlflowException:
        return None
    if not found:
        return None
    info = found[0].info
    if not tracking_uri.startswith("http"):
        return FoundRun(info.run_id, f"runs:/{info.run_id}")
    page = f"/#/experiments/{info.experiment_id}/runs/{info.run_id}"
    return FoundRun(info.run_id, f"{redact(tracking_uri.rstrip('/'))}{page}")
