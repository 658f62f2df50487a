"""What the tracker, the store and Ray cost beside the coordinator."""

import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from gensweep.storage import Checkpoints, ObjectStore
from gensweep.tracking import Spool, Tracker

from .coordinator import METRICS, PICTURE

PARAMS = {"learning_rate": 1e-3, "latent_size": 16, "critic_iterations": 2, "beta1": 0.5,
          "truncation": 1.0}  # fmt: skip


def tracker_seconds(trials: int, reports: int) -> tuple[float, float]:
    """Seconds of the server for a trial of so many reports, and requests for it."""
    import requests

    sent, send = Counter[str](), requests.Session.send

    def counted(self: Any, request: Any, **options: Any) -> Any:
        sent["all"] += 1
        return send(self, request, **options)

    uri = os.environ["MLFLOW_TRACKING_URI"]
    with (
        tempfile.TemporaryDirectory() as folder,
        Tracker(Spool(Path(folder)), uri, "benchmark", f"scale-{time.time_ns()}") as tracker,
    ):
        tracker.start_sweep(config={}, seed=0)
        _flushed(tracker)
        requests.Session.send = counted  # type: ignore[method-assign]
        try:
            begin = time.perf_counter()
            for number in range(trials):
                _tell(tracker, number, reports)
            _flushed(tracker)
            seconds = time.perf_counter() - begin
        finally:
            requests.Session.send = send  # type: ignore[method-assign]
    return seconds / trials, sent["all"] / trials


def _tell(tracker: Tracker, number: int, reports: int) -> None:
    tracker.start_trial(number, PARAMS, seed=number)
    for step in range(reports):
        tracker.log_metrics(number, step, dict.fromkeys(METRICS, 0.5))
        tracker.log_image(number, "samples", step, PICTURE)
    tracker.finish_trial(number, "completed", "", dict.fromkeys(METRICS, 0.5))


def _flushed(tracker: Tracker) -> None:
    if not tracker.flush(240):
        raise RuntimeError(f"the tracker lags: {tracker.last_error}")


class Counted:
    """A store that counts what is asked of it: writes and deletions apart from reads."""

    def __init__(self, store: ObjectStore):
        self._store, self.request = store, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def counted(*args: Any) -> Any:
            self.request["write" if name in ("put", "list") else
                       "delete" if name == "delete" else "read"] += 1  # fmt: skip
            return method(*args)

        return counted


def store_costs(store: ObjectStore, lanes: int, lane_bytes: int, times: int) -> dict[str, float]:
    """Seconds and requests of a pack's checkpoint: its weights, its manifest, the older ones."""
    counted, data = Counted(store), random.Random(0).randbytes(lane_bytes)
    prefix = f"benchmarks/scale-{time.time_ns()}"
    checkpoints = Checkpoints(counted, prefix)  # type: ignore[arg-type]
    named = {str(lane): data for lane in range(lanes)}
    begin = time.perf_counter()
    for step in range(times):
        checkpoints.write(step, named, {"owner": "pack"})
        checkpoints.prune(2)
    seconds = (time.perf_counter() - begin) / times
    request = {name: count / times for name, count in counted.request.items()}
    for key in store.list(f"{prefix}/"):
        store.delete(key)
    return {"seconds": seconds, "mib": lanes * lane_bytes / 2**20, **request}


class _Empty:
    def ask(self, *_: Any) -> bool:
        return True


def call_seconds(calls: int) -> tuple[float, float]:
    """Of Ray: an actor's time for a call whose work is nothing, and what the caller waits."""
    import ray

    ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, logging_level="error")
    try:
        actor = ray.remote(_Empty).options(num_cpus=0, max_concurrency=1).remote()
        ray.get(actor.ask.remote())
        seen = dict.fromkeys(range(32), 1)
        begin = time.perf_counter()
        for _ in range(calls // 10):
            ray.get(actor.ask.remote("pack", seen))
        waited = (time.perf_counter() - begin) / (calls // 10)
        begin = time.perf_counter()
        ray.get([actor.ask.remote("pack", seen) for _ in range(calls)])
        return (time.perf_counter() - begin) / calls, waited
    finally:
        ray.shutdown()
