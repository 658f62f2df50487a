"""Packs on a cluster: Tune runs them one Train worker group each, as the desk has work for them."""

import os
from dataclasses import dataclass
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchTrainer
from ray.tune.search import Searcher

from gensweep.sweep._cluster import PACK_CPUS
from gensweep.sweep._sweep import Sweep

FINISHED = Searcher.FINISHED
PATIENCE = 4
"""Packs that may die in a row before the sweep stops: one more than a bad trial can kill."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What packs run on."""

    packs: int = 1
    ranks: int = 1
    use_gpu: bool = False
    threads: int = 1
    storage: str
    """Folder or `s3://` prefix for Ray's own bookkeeping."""


class PackSearcher(Searcher):  # type: ignore[misc]
    """Hands out packs, not trials: Tune starts one while trials wait for a lane."""

    def __init__(self, desk: Any):
        super().__init__(metric="trials", mode="max")
        self._desk = desk
        self._packs = 0
        self._failed = 0

    def suggest(self, trial_id: str) -> Any:
        left = ray.get(self._desk.waiting.remote())
        if left is None or self._failed >= PATIENCE:
            return FINISHED
        if left == 0:
            return None
        self._packs += 1
        return {"owner": f"pack-{self._packs}-{trial_id}"}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self._failed = self._failed + 1 if error else 0
        ray.get(self._desk.release.remote(trial_id, error))

    def save(self, checkpoint_path: str) -> None:
        """The study is what persists; there is nothing else."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


def run_packs(desk: Any, sweep: Sweep, fleet: Fleet, loop: Any, where: dict[str, Any]) -> bool:
    """Run packs until the desk has no trial left; a pack that dies gives its trials back.

    False if `PATIENCE` packs died in a row, which leaves trials undone.
    """

    def pack(config: dict[str, Any]) -> None:
        if not fleet.use_gpu:  # nobody preempts these; a process less for each pack
            os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
        trainer = TorchTrainer(
            loop,
            train_loop_config={
                "desk": desk,
                "sweep": sweep,
                "fleet": fleet,
                **where,
                **config,
            },
            scaling_config=train.ScalingConfig(
                num_workers=fleet.ranks,
                use_gpu=fleet.use_gpu,
                resources_per_worker={"GPU": 1} if fleet.use_gpu else {"CPU": PACK_CPUS},
            ),
            run_config=train.RunConfig(name=config["owner"], storage_path=fleet.storage),
        )
        trainer.fit()
        tune.report({"trials": 1})

    tuner = tune.Tuner(
        tune.with_resources(pack, {"CPU": 0.01}),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(desk), num_samples=-1, max_concurrent_trials=fleet.packs
        ),
        run_config=tune.RunConfig(
            name=sweep.name,
            storage_path=fleet.storage,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
        ),
    )
    errors = tuner.fit().errors
    return not errors or ray.get(desk.waiting.remote()) is None
