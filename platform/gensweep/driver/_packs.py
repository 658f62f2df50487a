"""Packs on a cluster: Tune runs Train runs, as the desk has work for them."""

import os
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchTrainer
from ray.tune.logger import JsonLoggerCallback
from ray.tune.search import Searcher

from gensweep.driver._failures import host_lost
from gensweep.driver._placement import Moves, moving
from gensweep.spec import KEEPER_CPUS, Fleet, Sweep

FINISHED = Searcher.FINISHED
PATIENCE = 4
"""Packs that may die in a row before the sweep stops: one more than a bad trial can kill."""
HOSTS = 10
"""Packs that may lose their host in a row, or twice all of them, before they have a trial."""

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""With these Train would take its one rank for one of a group that somebody else started."""


class PackSearcher(Searcher):  # type: ignore[misc]
    """Hands out packs, not trials: Tune starts one while trials wait for a lane."""

    def __init__(self, desk: Any, moves: Moves, most: int):
        super().__init__(metric="trials", mode="max")
        self._desk, self._moves = desk, moves
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
        moved = error and not begun and self._moves.excuse()
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


def resources(fleet: Fleet) -> dict[str, float]:
    """What a pack's own process takes; ranks are processes beside it, with their own."""
    return {"CPU": KEEPER_CPUS} if fleet.ranks > 1 else fleet.each


def trainer(loop: Any, settings: dict[str, Any], fleet: Fleet) -> TorchTrainer:
    """A pack as a Train run: in this process if it has one rank, or a worker group of ranks.

    A worker group of one would be five processes in place of one, each with its imports. One rank
    needs neither `run_config` nor its own resources: it has those of this process.
    """
    if fleet.ranks == 1:
        for name in TORCHRUN:
            os.environ.pop(name, None)
    else:  # packs leave by themselves, see `Leave`; a process less for each
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    return TorchTrainer(
        loop,
        train_loop_config=settings,
        scaling_config=train.ScalingConfig(
            num_workers=fleet.ranks if fleet.ranks > 1 else 0,
            use_gpu=fleet.use_gpu,
            resources_per_worker=fleet.each,
        ),
        run_config=train.RunConfig(name=settings["owner"], storage_path=fleet.train_storage),
    )


def run_packs(desk: Any, sweep: Sweep, fleet: Fleet, loop: Any, where: dict[str, Any]) -> bool:
    """Run packs until the desk has no trial left; a pack that dies gives its trials back.

    False if packs kept dying (`PATIENCE`, `HOSTS`), which leaves trials undone.
    """

    def pack(config: dict[str, Any]) -> None:
        keeper = ray.get_runtime_context().get_node_id()
        ray.get(desk.runs_on.remote(config["owner"], {keeper}))
        settings = {"desk": desk, "sweep": sweep, "fleet": fleet, "keeper": keeper,
                    **where, **config}  # fmt: skip
        trainer(loop, settings, fleet).fit()
        tune.report({"trials": 1})

    moves = Moves()
    tuner = tune.Tuner(
        tune.with_resources(pack, resources(fleet)),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(desk, moves, fleet.packs),
            num_samples=-1,
            max_concurrent_trials=fleet.packs,
        ),
        run_config=tune.RunConfig(
            name=sweep.name,
            storage_path=fleet.tune_storage,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
            callbacks=[JsonLoggerCallback()],  # without, Tune warns of results that it misses
        ),
    )
    with moving(moves):
        errors = tuner.fit().errors
    return not errors or ray.get(desk.waiting.remote()) is None
