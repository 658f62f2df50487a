"""Packs on a cluster: Tune runs Train runs, as the coordinator has work for them."""

import os
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchTrainer
from ray.tune.logger import JsonLoggerCallback
from ray.tune.search import Searcher

from gensweep.driver._failures import host_lost
from gensweep.driver._placement import PlacementRetries, watch_placement
from gensweep.spec import SUPERVISOR_CPUS, PackResources, Sweep

FINISHED = Searcher.FINISHED
PATIENCE = 4
"""Packs that may die in a row before the sweep stops: one more than a bad trial can kill."""
HOSTS = 10
"""Packs that may lose their host in a row, or twice all of them, before they have a trial."""

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""With these Train would take its one rank for one of a group that somebody else started."""


class PackSearcher(Searcher):  # type: ignore[misc]
    """Hands out packs, not trials: Tune starts one while trials wait for a lane."""

    def __init__(self, coordinator: Any, retries: PlacementRetries, most: int):
        super().__init__(metric="trials", mode="max")
        self._desk, self._moves = coordinator, retries
        self._packs = 0
        self._failed, self._hosts, self._most_hosts = 0, 0, max(HOSTS, 2 * most)

    def suggest(self, trial_id: str) -> Any:
        left = ray.get(self._desk.waiting.remote())
        if left is None or self._failed >= PATIENCE or self._hosts >= self._most_hosts:
            return FINISHED
        if left == 0:
            return None
        self._packs += 1
        return {"owner": f"pack-{self._packs}-{trial_id}"}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        if error:
            self._moves.died()
        begun, nodes = ray.get(self._desk.found.remote(trial_id))
        moved = error and not begun and self._moves.consume()
        host = error and not moved and host_lost(nodes)
        if host:  # with trials on it, these bear the loss
            self._hosts = 0 if begun else self._hosts + 1
        elif not moved:
            self._failed, self._hosts = self._failed + 1 if error else 0, 0
        ray.get(self._desk.release.remote(trial_id, died=error and not moved, host=host))

    def save(self, checkpoint_path: str) -> None:
        """The study is what persists; there is nothing else."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


def process_resources(resources: PackResources) -> dict[str, float]:
    """What a pack's own process takes; ranks are processes beside it, with their own."""
    return {"CPU": SUPERVISOR_CPUS} if resources.ranks > 1 else resources.each


def trainer(
    train_loop_per_worker: Any, settings: dict[str, Any], resources: PackResources
) -> TorchTrainer:
    """A pack as a Train run: in this process if it has one rank, or a worker group of ranks.

    A worker group of one would be five processes in place of one, each with its imports. One rank
    needs neither `run_config` nor its own resources: it has those of this process.
    """
    if resources.ranks == 1:
        for name in TORCHRUN:
            os.environ.pop(name, None)
    else:  # packs leave by themselves, see `Leave`; a process less for each
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    return TorchTrainer(
        train_loop_per_worker,
        train_loop_config=settings,
        scaling_config=train.ScalingConfig(
            num_workers=resources.ranks if resources.ranks > 1 else 0,
            use_gpu=resources.use_gpu,
            resources_per_worker=resources.each,
        ),
        run_config=train.RunConfig(name=settings["owner"], storage_path=resources.train_storage),
    )


def run_packs(
    coordinator: Any,
    sweep: Sweep,
    resources: PackResources,
    train_loop_per_worker: Any,
    where: dict[str, Any],
) -> bool:
    """Run packs until the coordinator has no trial left; a pack that dies gives its trials back.

    False if packs kept dying (`PATIENCE`, `HOSTS`), which leaves trials undone.
    """

    def pack(config: dict[str, Any]) -> None:
        keeper = ray.get_runtime_context().get_node_id()
        ray.get(coordinator.runs_on.remote(config["owner"], {keeper}))
        settings = {
            "coordinator": coordinator,
            "sweep": sweep,
            "resources": resources,
            "keeper": keeper,
            **where,
            **config,
        }
        trainer(train_loop_per_worker, settings, resources).fit()
        tune.report({"trials": 1})

    retries = PlacementRetries()
    tuner = tune.Tuner(
        tune.with_resources(pack, process_resources(resources)),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(coordinator, retries, resources.packs),
            num_samples=-1,
            max_concurrent_trials=resources.packs,
        ),
        run_config=tune.RunConfig(
            name=sweep.name,
            storage_path=resources.tune_storage,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
            callbacks=[JsonLoggerCallback()],  # without, Tune warns of results that it misses
        ),
    )
    with watch_placement(retries):
        errors = tuner.fit().errors
    return not errors or ray.get(coordinator.waiting.remote()) is None
