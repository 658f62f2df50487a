"""The width and the training time of a sweep: as asked, measured here, or on a worker."""

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gensweep.errors import UserError
from gensweep.frames import with_user_line
from gensweep.spec import PACK_CPUS, RunRequest
from gensweep.storage import open_store
from gensweep.study import SweepSnapshot

if TYPE_CHECKING:
    from gensweep.data import Dataset

_log = logging.getLogger(__name__)
TELL_S = 30.0
"""Between two lines that tell that `--measure` still waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """An estimate of how wide packs will be, and how long all training will take."""

    lanes: int | None = None
    """Trials that a pack trains at once; None: each pack measures."""

    width: str = "not measured"
    """The lanes in words, and why so many."""

    seconds: float | None = None
    """Of all training, where it was measured."""

    place: str = ""
    """The machine that measured, in words."""

    share: str = ""
    """The trials that the time is of, in words; empty: all."""

    def expected(self) -> str:
        """The training time in words."""
        if self.seconds is None:
            return "unknown: --measure tries it on one GPU"
        return (f"{self.seconds / 60:,.1f} min of training{self.share}, as measured on "
                f"{self.place}; evaluation comes on top")  # fmt: skip

    def for_the_rest(self, begun: SweepSnapshot | None, trials: int) -> "Estimate":
        """The estimate for those of `trials` that have not ended; None has begun none."""
        if begun is None or self.seconds is None:
            return self
        left = max(0, trials - sum(record.state.ended for record in begun.records))
        share = f" of the {left} trials that are left"
        return replace(self, seconds=self.seconds * left / trials, share=share)


def estimate_unmeasured(request: RunRequest) -> Estimate:
    """The width that was asked for, or the promise that packs measure it."""
    from gensweep.profiling import fixed_width

    sweep, packs, on_gpu = request.sweep, request.packs, bool(request.gpus)
    if sweep.width is not None:
        width = fixed_width(sweep, packs, on_gpu=on_gpu)
        return Estimate(lanes=width.lanes, width=width.text())
    most = sweep.most_lanes(packs, on_gpu=on_gpu)
    return Estimate(width=f"measured on the GPU when a pack begins, up to {most} lanes")


def estimate_here(request: RunRequest, dataset: "Dataset", device: str, place: str) -> Estimate:
    """Measure on `device` of this machine, named `place`, what is not remembered from before.

    The training time is measured only for a dry run.
    """
    from gensweep.profiling import PackProfiler, is_out_of_memory, measure_width

    profiler = PackProfiler(request.sweep, dataset, dataset.source(device), request, device)
    estimate = estimate_unmeasured(request)
    if estimate.lanes is None:
        width = measure_width(profiler)
        if width.error is not None and not is_out_of_memory(width.error):
            raise _refusal(request, width.error)
        estimate = Estimate(lanes=width.lanes, width=width.text())
    if not request.dry_run:
        return estimate
    profiler.sweep = replace(request.sweep, width=estimate.lanes)
    try:
        seconds = profiler.training_s()
    except Exception as error:  # of a model of somebody's own
        raise _refusal(request, error) from error
    return replace(estimate, seconds=seconds, place=place)


def _refusal(request: RunRequest, error: Exception) -> UserError:
    """Word in one line why packs of the size that is asked for cannot be trained."""
    sweep = request.sweep
    told = str(error) if isinstance(error, UserError) else with_user_line(error)
    return UserError(f"{sweep.model.name}: packs cannot be trained with the batch size and the "
                     f"width of the sweep: {told}")  # fmt: skip


def estimate_on_worker(request: RunRequest, dataset: "Dataset", store: str) -> Estimate:
    """Measure with the resources of a pack's rank, on the worker that Ray finds or starts.

    The worker loads the data from the object store at URI `store`. `UserError` tells Ray's error.
    """
    import ray
    from ray.exceptions import RayError

    each = {"num_gpus": 1, "num_cpus": 0} if request.gpus else {"num_cpus": PACK_CPUS}
    begin, ref = time.monotonic(), ray.remote(**each)(_on_worker).remote(request, dataset.id, store)
    while not ray.wait([ref], timeout=TELL_S)[0]:
        waited = time.monotonic() - begin
        _log.info("%6.0f s  --measure waits for a worker, or measures on it", waited)
    try:
        estimate: Estimate = ray.get(ref)
    except RayError as error:
        raise UserError(f"--measure: {str(error).strip().splitlines()[-1][:300]}") from error
    return estimate


def _on_worker(request: RunRequest, data: str, store: str) -> Estimate:
    """Run `estimate_here` in a Ray task; `data` is the ID of an ingested data set."""
    from gensweep.data import load_dataset
    from gensweep.machine import device_name

    device = "cuda" if request.gpus else "cpu"
    dataset = load_dataset(data, open_store(store, was_there=True), split="train")
    return estimate_here(request, dataset, device, f"a worker ({device_name(device)})")
