"""The pace of a dry run, measured where packs will train: on a worker of the cluster."""

import time
from dataclasses import dataclass, replace
from typing import Any

from gensweep.errors import UserError
from gensweep.spec import PACK_CPUS, RunRequest
from gensweep.storage import open_store
from gensweep.study import SweepSnapshot
from gensweep.trial import TERMINAL

TELL_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """How the sweep would train."""

    lanes: int | None = None
    """Of a pack; None: each pack measures."""

    width: str = "not measured"
    """The lanes in words, and why so many."""

    seconds: float | None = None
    """Of all training, where it was measured."""

    place: str = ""
    """On what."""

    share: str = ""
    """Of which trials, if not of all, in words."""

    def expected(self) -> str:
        """How long the sweep will train, in words."""
        if self.seconds is None:
            return "unknown: --measure tries it on one GPU"
        return (f"{self.seconds / 60:,.1f} min of training{self.share}, as measured on "
                f"{self.place}; evaluation comes on top")  # fmt: skip

    def resumed(self, view: SweepSnapshot | None, trials: int) -> "Estimate":
        """Of what `view` leaves to do of the `trials`; None: of all."""
        if view is None or self.seconds is None:
            return self
        left = max(0, trials - sum(record.state in TERMINAL for record in view.records))
        share = f" of the {left} trials that are left"
        return replace(self, seconds=self.seconds * left / trials, share=share)


def asked_pace(request: RunRequest) -> Estimate:
    """Without measuring."""
    from gensweep.profiling import asked_for

    if request.sweep.width is not None:
        return Estimate(
            lanes=request.sweep.lanes, width=asked_for(request.sweep, request.packs).text()
        )
    most = request.sweep.most_lanes(request.packs)
    return Estimate(width=f"measured on the GPU when a pack begins, up to {most} lanes")


def pace_here(request: RunRequest, dataset: Any, device: str, place: str) -> Estimate:
    """Measured in this process, or remembered; the time of training only for a dry run."""
    from gensweep.profiling import PackProfiler, measure_width

    profiler = PackProfiler(request.sweep, dataset, dataset.source(device), request, device)
    pace = asked_pace(request)
    if pace.lanes is None:
        width = measure_width(profiler)
        pace = Estimate(lanes=width.lanes, width=width.text())
    if not request.dry_run:
        return pace
    profiler.sweep = replace(request.sweep, width=pace.lanes)
    return replace(pace, seconds=profiler.training_s(), place=place)


def pace_there(request: RunRequest, dataset: Any, store: str) -> Estimate:
    """Measured with the resources of a pack's rank, on the worker that Ray finds or starts."""
    import ray
    from ray.exceptions import RayError

    each = {"num_gpus": 1, "num_cpus": 0} if request.gpus else {"num_cpus": PACK_CPUS}
    begin, ref = time.monotonic(), ray.remote(**each)(_on_worker).remote(request, dataset.id, store)
    while not ray.wait([ref], timeout=TELL_S)[0]:
        waited = time.monotonic() - begin
        print(f"{waited:6,.0f} s  --measure waits for a worker, or measures on it", flush=True)
    try:
        pace: Estimate = ray.get(ref)
    except RayError as error:
        raise UserError(f"--measure: {str(error).strip().splitlines()[-1][:300]}") from error
    return pace


def _on_worker(request: RunRequest, data: str, store: str) -> Estimate:
    from gensweep.data import load_dataset
    from gensweep.machine import device_name

    device = "cuda" if request.gpus else "cpu"
    dataset = load_dataset(data, open_store(store), split="train")
    return pace_here(request, dataset, device, f"a worker ({device_name(device)})")
