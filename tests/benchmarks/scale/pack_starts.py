"""How long Tune takes to start packs: of trivial ones, all of which run before one may end.

Their processes share this machine's cores, where a cluster starts each on a host of its own. What
stays on the head is the work of the driver, whose own seconds are told apart.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from ray import tune
from ray.tune.logger import JsonLoggerCallback
from ray.tune.search import Searcher

PACK_CPUS = 0.001


@dataclass(frozen=True, slots=True)
class Starts:
    """What it took until all of some packs ran."""

    packs: int
    seconds: float
    driver_s: float
    """Processor seconds of the driver."""


class Gate:
    """Lets packs end once all of them have come; an actor."""

    def __init__(self, packs: int):
        self._packs, self._came, self._at = packs, 0, 0.0

    def enter(self) -> None:
        """Count a pack."""
        self._came += 1
        if self._came == self._packs:
            self._at = time.time()

    def opened_at(self) -> float:
        """Tell when the last one came; 0 before."""
        return self._at


class PackNames(Searcher):  # type: ignore[misc]
    """Names packs as the driver does, so many."""

    def __init__(self, packs: int):
        super().__init__(metric="trials", mode="max")
        self._left = packs

    def suggest(self, trial_id: str) -> Any:
        """Name a pack."""
        if not self._left:
            return Searcher.FINISHED
        self._left -= 1
        return {"owner": f"pack-{trial_id}"}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: all packs come once."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


def pack_starts(packs: int) -> Starts:
    """Start so many packs at once, on a Ray of this machine alone."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    ray.init("local", num_cpus=2, log_to_driver=False, logging_level="error",
             include_dashboard=False)  # fmt: skip
    try:
        gate = ray.remote(Gate).options(num_cpus=0).remote(packs)
        ray.get(gate.opened_at.remote())

        def pack(config: dict[str, str]) -> None:
            ray.get(gate.enter.remote())
            while not ray.get(gate.opened_at.remote()):
                time.sleep(1.0)
            tune.report({"trials": 1})

        with tempfile.TemporaryDirectory() as folder:
            began, spent = time.time(), time.process_time()
            tuner = tune.Tuner(
                tune.with_resources(pack, {"CPU": PACK_CPUS}),
                tune_config=tune.TuneConfig(search_alg=PackNames(packs), num_samples=-1,
                                            max_concurrent_trials=packs),
                run_config=tune.RunConfig(name="starts", storage_path=folder, verbose=0,
                                          failure_config=tune.FailureConfig(max_failures=0),
                                          callbacks=[JsonLoggerCallback()]),
            )  # fmt: skip
            tuner.fit()
            return Starts(packs, ray.get(gate.opened_at.remote()) - began,
                          time.process_time() - spent)  # fmt: skip
    finally:
        ray.shutdown()


def law(measured: list[Starts]) -> tuple[float, float]:
    """Seconds of the driver for each pack, and for each pair of packs: least squares."""
    counts = np.array([each.packs for each in measured], dtype=float)
    terms = np.stack([counts, counts**2], axis=1)
    found, *_ = np.linalg.lstsq(terms, np.array([each.driver_s for each in measured]), rcond=None)
    return float(found[0]), float(found[1])
