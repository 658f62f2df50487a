"""Collects what a sweep left: in the ledger, MLflow, the store, Ray and on disk."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import mlflow
import psutil

from faults.evidence import (
    Asked,
    Event,
    Evidence,
    Reference,
    Run,
    Trial,
    Undisturbed,
    read_histories,
)
from faults.invariants import stored_by
from faults.stand import Stand
from gensweep.errors import UserError
from gensweep.results import trial_views
from gensweep.storage import Checkpoints, ObjectStore, open_store
from gensweep.study import read_sweep
from gensweep.tracking import Spool
from gensweep.trial import TrialState

SETTLE_S = 30.0
"""Within which processes, actors and placement groups of a sweep that has ended are gone."""
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Processes that each of its nodes has, whatever runs."""

ASK = """
import json
import ray
ray.init(log_to_driver=False, logging_level="error")
from ray._private.state import actors
names = ("ImplicitFunc", "CoordinatorActor", "RayTrainWorker")
left = [f"actor {a['ActorClassName']} is {a['State']}" for a in actors().values()
        if a["State"] != "DEAD" and a["ActorClassName"].split(".")[-1] in names]
left += [f"placement group {i} is {g['state']}"
         for i, g in ray.util.placement_group_table().items() if g["state"] != "REMOVED"]
left += [f"named actor {a['name']} in namespace {a['namespace']}"
         for a in ray.util.list_named_actors(all_namespaces=True)]
print(json.dumps(left))
"""


def gather(stand: Stand, name: str, asked: Asked, expected: Undisturbed) -> Evidence:
    """Collect the evidence of a sweep that has ended, without the proxies."""
    store = open_store(stand.direct["GENSWEEP_STORE"])
    events, trials = read_histories(stand.history), trials_of(stand, name)
    return Evidence(
        asked=asked, expected=expected, events=events, trials=trials, runs=runs_of(stand, name),
        references=list(_references(store, name, trials, events)),
        left=[*_left_in_ray(stand), *_left_elsewhere(stand, store, name)],
    )  # fmt: skip


def trials_of(stand: Stand, name: str) -> list[Trial]:
    """The trials in the ledger; none if it does not know the sweep."""
    try:
        return [dict(view) for view in trial_views(read_sweep(name, stand.ledger).records)]
    except UserError:
        return []


def runs_of(stand: Stand, name: str) -> list[Run]:
    """The runs of the sweep's trials in MLflow, with the steps of each metric by time."""
    client = mlflow.MlflowClient(stand.direct["MLFLOW_TRACKING_URI"])
    experiments = [one.experiment_id for one in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`gensweep.sweep` = '{name}'", max_results=5000)
    runs = []
    for run in found:
        number = run.data.tags["gensweep.trial"].rpartition("/")[2]
        if number.isdigit():
            steps = {key: _steps(client, run.info.run_id, key) for key in run.data.metrics}
            runs.append(Run(trial=int(number), status=run.info.status, steps=steps))
    return runs


def _steps(client: mlflow.MlflowClient, run: str, metric: str) -> list[int]:
    points = client.get_metric_history(run, metric)
    return [p.step for p in sorted(points, key=lambda p: (p.timestamp, p.step))]


def _references(
    store: ObjectStore, name: str, trials: list[Trial], events: list[Event]
) -> Iterator[Reference]:
    """Verify the weights of trials that ended, and the last checkpoints of those that did not."""
    stored: dict[str, Checkpoints] = {}
    for trial in trials:
        number = trial["number"]
        lane = f"{number:04d}.safetensors"
        place, step = trial["kept"].get("place", ""), trial["kept"].get("step")
        if not TrialState(trial["state"]).ended:
            lane, (place, step) = str(number), _last_checkpoint(number, events)
            place = place and f"sweeps/{name}/checkpoints/{place}"
        if place:
            kept = stored.setdefault(place, Checkpoints(store, place))
            verifies = any(m.step == step and lane in m.lanes and kept.verify(m)
                           for m in kept.manifests())  # fmt: skip
            yield Reference(what=f"{lane} of step {step} in {place}", verifies=verifies)


def _last_checkpoint(number: int, events: list[Event]) -> tuple[str, int]:
    """The last acknowledged checkpoint of a trial; an empty folder if there is none."""
    found = ("", 0)
    for event in events:
        if (event.side, event.event, event.call) == ("coordinator", "answered", "checkpoint"):
            found = stored_by(event).get(number, found)
    return found


def _left_in_ray(stand: Stand) -> list[str]:
    """What Ray still has of the sweep, once it had time to end it."""
    end = time.monotonic() + SETTLE_S
    while (left := [*_processes(stand), *_asked_of_ray(stand)]) and time.monotonic() < end:
        time.sleep(2)
    return left


def _processes(stand: Stand) -> Iterator[str]:
    for process in stand.nodes.actors(""):
        with suppress(psutil.Error):
            title = " ".join(process.cmdline()).strip()
            if not title.startswith(RAYS_OWN):
                yield f"process {process.pid}: {title}"


def _asked_of_ray(stand: Stand) -> list[str]:
    said = stand.nodes.script(ASK).communicate(timeout=120)[0].strip()
    with suppress(json.JSONDecodeError, IndexError):
        return list(json.loads(said.splitlines()[-1]))
    return [f"Ray does not say what is left: {said[-300:]}"]


def _left_elsewhere(stand: Stand, store: ObjectStore, name: str) -> Iterator[str]:
    """What is left in the store and on disk."""
    env = stand.direct  # not `boto3.client`, which would keep the credentials of an earlier run
    session = boto3.session.Session(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    s3 = session.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"])
    for upload in s3.list_multipart_uploads(Bucket="gensweep").get("Uploads", []):
        yield f"multipart upload of {upload['Key']}"
    if trials := [t for t in trials_of(stand, name) if not TrialState(t["state"]).ended]:
        yield f"{len(trials)} trials that have not ended"
    elif keys := store.list(f"sweeps/{name}/checkpoints/"):
        yield f"{len(keys)} objects of checkpoints, such as {keys[0]}"
    yield from _left_in_spool(stand.home.path / "spool" / name)


def _left_in_spool(folder: Path) -> Iterator[str]:
    try:
        spool = Spool(folder)
    except UserError as error:
        yield str(error)
        return
    if not spool.empty:
        yield f"events that MLflow has not taken in {folder}"
    spool.close()
    if (folder / "rejected.jsonl").exists():
        yield f"events that MLflow refused in {folder / 'rejected.jsonl'}"
