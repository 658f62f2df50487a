"""Points a second through the tracker, against one `log_metric` call a point.

    gensweep up && python tests/benchmarks/tracking.py

Needs a running MLflow server (MLFLOW_TRACKING_URI, or the embedded stack's).
"""

import json
import os
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient

from gensweep.machine import processor_name
from gensweep.stack_env import apply_env
from gensweep.tracking import Spool, Tracker

STEPS, NAMES, PEER_POINTS = 500, 20, 300


def ours(uri: str) -> tuple[float, float]:
    """Points a second put on disk, and delivered."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Tracker(Spool(Path(folder)), uri, "benchmark", f"ours-{time.time_ns()}") as tracker,
    ):
        tracker.log_metrics(0, 0, {"warm": 1.0})
        tracker.flush(60)
        begin = time.perf_counter()
        for step in range(1, STEPS + 1):
            tracker.log_metrics(0, step, {f"m{i}": 1.0 for i in range(NAMES)})
        spooled = time.perf_counter() - begin
        if not tracker.flush(300):
            raise RuntimeError(tracker.last_error)
        delivered = time.perf_counter() - begin
    return STEPS * NAMES / spooled, STEPS * NAMES / delivered


def one_call_a_point(uri: str) -> float:
    """Points a second of `MlflowClient.log_metric`."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("benchmark").experiment_id
    run = client.create_run(experiment).info.run_id
    begin = time.perf_counter()
    for step in range(PEER_POINTS):
        client.log_metric(run, "m", 1.0, step=step)
    return PEER_POINTS / (time.perf_counter() - begin)


if __name__ == "__main__":
    apply_env()
    uri = os.environ["MLFLOW_TRACKING_URI"]
    spooled, delivered = ours(uri)
    peer = one_call_a_point(uri)
    print(json.dumps({
        "benchmark": "tracking",
        "figures": {"spooled_per_s": spooled, "delivered_per_s": delivered,
                    "log_metric_per_s": peer},
        "ratios": {"log_metric": delivered / peer},
        "equal_quality": True,
        "machine": {"cores": os.cpu_count(), "processor": processor_name()},
    }))  # fmt: skip
