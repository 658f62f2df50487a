"""Runs packs on the cluster: Tune runs Train runs, while the coordinator has work for them."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray import train, tune
from ray.train.torch import TorchTrainer
from ray.tune.execution import class_cache
from ray.tune.logger import JsonLoggerCallback
from ray.tune.search import Searcher

from gensweep.coordinator import (
    CoordinatorLostError,
    RemoteCoordinator,
    SweepCoordinator,
)
from gensweep.driver._death_count import DeathCount
from gensweep.driver._host_loss import host_lost, node_address
from gensweep.driver._placement import PlacementRetries, watch_packs
from gensweep.spec import SUPERVISOR_CPUS, PackResources
from gensweep.worker import PackCalls, WorkerSettings, train_loop_per_worker

_log = logging.getLogger(__name__)
MAX_IDLE_HOST_LOSSES = 10
"""Packs that may lose their host in a row, or twice all of them, before they have a trial."""

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""With these Train would take its one rank for one of a group that somebody else started."""

STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN",
              "AWS_SESSION_TOKEN")  # fmt: skip


class PackSearcher(Searcher):  # type: ignore[misc]
    """Hands out packs, not trials: Tune starts one while trials wait for a lane.

    A coordinator that is lost ends the handing out: Tune would show its error in its own way.
    """

    def __init__(self, coordinator: RemoteCoordinator, retries: PlacementRetries, packs: int):
        super().__init__(metric="trials", mode="max")
        self._coordinator, self._retries = coordinator, retries
        self._owners: dict[str, str] = {}
        self._deaths = DeathCount(max(MAX_IDLE_HOST_LOSSES, 2 * packs), node_address)
        self._gave_up = False
        self.lost: CoordinatorLostError | None = None

    def suggest(self, trial_id: str) -> Any:
        """Name a pack if trials wait for one; Tune's "trial" is a pack of ours."""
        try:
            waits = self._coordinator.ask(SweepCoordinator.has_waiting_trials)
        except CoordinatorLostError as error:
            self.lost = error
        if self.lost or waits is None or self._gave_up:
            return Searcher.FINISHED
        if not waits:
            return None
        owner = self._owners[trial_id] = f"pack-{len(self._owners) + 1}-{trial_id}"
        _log.debug("%s starts", owner)
        return {"owner": owner}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Give the trials of an ended pack back, and count what it died of."""
        try:
            self._end_pack(self._owners[trial_id], error)
        except CoordinatorLostError as lost:
            self.lost = lost

    def _end_pack(self, owner: str, error: bool) -> None:
        if error:
            self._retries.record_death()
        status = self._coordinator.ask(SweepCoordinator.pack_status, owner)
        # One that we killed to place it anew has not failed.
        moved = error and not status.has_begun and self._retries.consume()
        host = error and not moved and host_lost(set(status.nodes))
        if not moved:
            self._deaths.add(status, error=error, host_loss=host)
            self._give_up_if_needed()
        died = error and not moved
        _log.debug("%s ends%s", owner, ": it died" if died else ", to be placed anew" * moved)
        self._coordinator.ask(SweepCoordinator.end_pack, owner, died=died, host_lost=host)

    def _give_up_if_needed(self) -> None:
        if not self._gave_up and (reason := self._deaths.reason):
            self._gave_up = True
            _log.warning("no more packs are started, those that run go on: %s", reason)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the study is what persists."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: see `save`."""


def supervisor_resources(resources: PackResources) -> dict[str, float]:
    """Ray resources of a pack's own process; several ranks are processes beside it."""
    return {"CPU": SUPERVISOR_CPUS} if resources.ranks > 1 else resources.per_rank


def with_store_keys(loop: Callable[[Any], None]) -> Callable[[Any], None]:
    """Give this process's keys of the store to a pack's loop.

    Tune would send them in the pack's runtime environment, which Ray writes into its logs and shows
    to whoever asks for actors; a function that is sent is in neither.
    """
    class_cache.ENV_VARS_TO_PROPAGATE.difference_update(STORE_KEYS)
    keys = {name: os.environ[name] for name in STORE_KEYS if name in os.environ}

    def run(config: Any) -> None:
        os.environ.update(keys)
        loop(config)

    return run


def build_trainer(loop: Any, settings: WorkerSettings) -> TorchTrainer:
    """A pack as a Train run: in this process if it has one rank, or a worker group of ranks.

    A worker group of one would be five processes in place of one, each with its imports. One rank
    needs neither `run_config` nor its own resources: it has those of this process.
    """
    resources = settings.resources
    if resources.ranks == 1:
        for name in TORCHRUN:
            os.environ.pop(name, None)
    else:  # packs leave by themselves, see `DrainWatch`; a process less for each
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    return TorchTrainer(
        loop,
        train_loop_config={"settings": settings},
        scaling_config=train.ScalingConfig(
            num_workers=resources.ranks if resources.ranks > 1 else 0,
            use_gpu=resources.use_gpu,
            resources_per_worker=resources.per_rank,
        ),
        run_config=train.RunConfig(name=settings.owner, storage_path=resources.train_storage),
    )


def run_packs(coordinator: RemoteCoordinator, settings: WorkerSettings) -> bool:
    """Run packs until the coordinator has no trial left; one that dies gives its trials back.

    `settings` are those of every pack, without `owner` and `supervisor`. False if packs kept dying
    (`DeathCount`), which leaves trials undone. Raises `CoordinatorLostError`.
    """
    resources, loop = settings.resources, with_store_keys(train_loop_per_worker)

    def pack(config: dict[str, str]) -> None:
        owner, me = config["owner"], ray.get_runtime_context()
        here, actor = me.get_node_id(), settings.coordinator
        ray.get([actor.register_nodes.remote(owner, {here}),
                 actor.register_actor.remote(owner, me.get_actor_id())])  # fmt: skip
        mine = replace(settings, owner=owner, supervisor=here)
        build_trainer(loop, mine).fit()
        tune.report({"trials": 1})

    retries = PlacementRetries()
    searcher = PackSearcher(coordinator, retries, resources.packs)
    tuner = tune.Tuner(
        tune.with_resources(pack, supervisor_resources(resources)),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            max_concurrent_trials=resources.packs,
        ),
        run_config=tune.RunConfig(
            name=settings.sweep.name,
            storage_path=resources.tune_storage,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
            callbacks=[JsonLoggerCallback()],  # without, Tune warns of results that it misses
        ),
    )
    with watch_packs(retries, lambda: coordinator.ask(SweepCoordinator.hung_packs)):
        errors = tuner.fit().errors
    if searcher.lost:
        raise searcher.lost
    return not errors or coordinator.ask(SweepCoordinator.has_waiting_trials) is None


if TYPE_CHECKING:

    def _answers_packs(coordinator: SweepCoordinator) -> PackCalls:
        return coordinator
