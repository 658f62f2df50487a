"""A small sweep in one process: coordinator, store, ledger, tracker, and packs beside them."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from gensweep.coordinator import SweepCoordinator
from gensweep.data import load_dataset
from gensweep.evaluation import build_evaluator, load_feature_net
from gensweep.planning import Plan
from gensweep.results import trial_views
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.study import read_sweep
from gensweep.sweep import Sweep
from gensweep.worker import CoordinatorClient, PackCalls, PackRunner
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

SWEEP = Sweep(
    name="small", model=CATALOG["vae"], data="digits", trials=3, width=3, budget_images=2560,
    samples=50, rungs=2, sampler="random", target="nll",
    space={"learning_rate": Real(1e-4, 1e-2, log=True)},
    fixed={"binarise": "dynamic", "latent_size": 4, "hidden": 16, "batch_size": 64},
)  # fmt: skip


class InProcessClient(CoordinatorClient):
    """The coordinator as a pack sees it, without Ray in between; `orders` are its next answers."""

    def __init__(self, coordinator: SweepCoordinator, owner: str, store: Any):
        def ask(method: Any, *args: Any) -> Any:
            return getattr(coordinator, method.__name__)(owner, *args)

        super().__init__(ask, owner, store, "small")
        self.orders = ["go"]

    def stop_after(self, method: str) -> None:
        """Order the pack to stop once it has called `method`."""
        call = getattr(self, method)

        def called(*args: Any) -> None:
            call(*args)
            self.orders = ["stop"]

        setattr(self, method, called)

    def heartbeat(self, seen: dict[int, int]) -> str:
        self._ask(PackCalls.heartbeat, seen)
        order = self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]
        self._stopped = order == "stop"
        return order


class SmallSweep:
    """A small sweep on real digits, with its store, ledger and tracker in a folder.

    In a folder that has one already, it is resumed.
    """

    def __init__(self, folder: Path, ready: Path, **changes: Any):
        resume = (folder / "store").exists()
        if not resume:
            shutil.copytree(ready, folder / "store")
        self.store_uri = f"file://{folder / 'store'}"
        self.store = open_store(self.store_uri)
        data, test = (load_dataset("digits", self.store, split=s) for s in ("train", "test"))
        self.sweep = dataclasses.replace(SWEEP, **changes)
        request = RunRequest(sweep=self.sweep, resume=resume)
        self.ledger = str(folder / "studies")
        self.plan = Plan(
            request=request, store=self.store_uri, home=str(folder), ledger=self.ledger,
            tracking_uri=f"sqlite:///{folder}/store/mlflow.db", dataset=data, test=test,
        )  # fmt: skip
        self.evaluator = build_evaluator(self.sweep, self.store, data, test)
        self.coordinator = SweepCoordinator(
            self.plan.run_context(), self.sweep.objective("frechet"), self.evaluator.protocol
        )
        self.source = data.source("cpu")
        self.closed = False

    def in_process(self, owner: str) -> InProcessClient:
        """The coordinator as that pack sees it."""
        return InProcessClient(self.coordinator, owner, self.store)

    def runner(self, owner: str) -> tuple[InProcessClient, PackRunner]:
        """A pack with all of the trials that wait."""
        here = self.in_process(owner)
        leases = here.lease(self.sweep.lanes, None)
        runner = PackRunner(self.sweep, here, self.evaluator, self.source, leases[0])
        runner.lanes.fill(leases)
        return here, runner

    def close(self) -> None:
        """As the end of the driver; once."""
        if not self.closed:
            self.coordinator.close()
        self.closed = True

    def trials(self) -> dict[int, Any]:
        return {r.number: r for r in read_sweep("small", self.ledger).records}

    def result(self, number: int) -> dict[str, Any]:
        """The trial as `gensweep results --json` shows it."""
        return trial_views([self.trials()[number]])[0]


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the digits and their feature network, and an empty tracker."""
    folder = tmp_path_factory.mktemp("ready")
    store = open_store(f"file://{folder}")
    load_feature_net(store, load_dataset("digits", store, split="train"))
    tracker = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    tracker.create_experiment("small", artifact_location=f"file://{folder}/artifacts")
    return folder


@pytest.fixture
def open_small_sweep(tmp_path: Path, ready: Path) -> Iterator[Callable[..., SmallSweep]]:
    """Small sweeps in folders of their own (by default one); all are closed at the end."""
    opened: list[SmallSweep] = []

    def make(folder: str = "small", **changes: Any) -> SmallSweep:
        opened.append(SmallSweep(tmp_path / folder, ready, **changes))
        return opened[-1]

    yield make
    for small_sweep in opened:
        small_sweep.close()


@pytest.fixture
def small_sweep(open_small_sweep: Callable[..., SmallSweep]) -> SmallSweep:
    return open_small_sweep()
