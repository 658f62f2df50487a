"""A sweep's desk, store, ledger and tracker in one process, and packs that sit at the desk."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from gensweep.coordinator._coordinator import Desk
from gensweep.data import load_dataset
from gensweep.evaluation import make_judge
from gensweep.evaluation._reference import feature_net
from gensweep.planning import Plan
from gensweep.results import as_records
from gensweep.spec import Request
from gensweep.storage import open_store
from gensweep.study import read_sweep
from gensweep.sweep import Sweep
from gensweep.worker._client import RemoteDesk
from gensweep.worker._pack_runner import Bench
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

SWEEP = Sweep(
    name="office", model=CATALOG["vae"], data="digits", trials=3, width=3, budget_images=2560,
    samples=50, rungs=2, sampler="random", target="nll",
    space={"learning_rate": Real(1e-4, 1e-2, log=True)},
    fixed={"binarise": "dynamic", "latent_size": 4, "hidden": 16, "batch_size": 64},
)  # fmt: skip


class Here(RemoteDesk):
    """The desk as a pack sees it, without Ray in between; `orders` are its next answers."""

    def __init__(self, desk: Desk, owner: str, store: Any):
        super().__init__(lambda name, *args: getattr(desk, name)(owner, *args), owner, store,
                         "office")  # fmt: skip
        self.orders = ["go"]

    def heartbeat(self, seen: dict[int, int]) -> str:
        self._ask("heartbeat", seen)
        order = self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]
        self._stopped = order == "stop"
        return order


class Office:
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
        asked = Request(sweep=self.sweep, resume=resume)
        self.ledger = str(folder / "studies")
        self.plan = Plan(
            asked=asked, store=self.store_uri, home=str(folder), ledger=self.ledger,
            tracking_uri=f"sqlite:///{folder}/store/mlflow.db", dataset=data, test=test,
        )  # fmt: skip
        self.judge = make_judge(self.sweep, self.store, data, test)
        self.desk = Desk(asked, self.plan, self.sweep.goal("frechet"), self.judge.protocol)
        self.source = data.source("cpu")
        self.closed = False

    def here(self, owner: str) -> Here:
        """The desk as that pack sees it."""
        return Here(self.desk, owner, self.store)

    def bench(self, owner: str) -> tuple[Here, Bench]:
        """A pack with all of the trials that wait."""
        here = self.here(owner)
        leases = here.lease(self.sweep.lanes, None)
        bench = Bench(self.sweep, here, self.judge, self.source, leases[0])
        bench.seat(leases)
        return here, bench

    def close(self) -> None:
        """As the end of the driver; once."""
        if not self.closed:
            self.desk.close()
        self.closed = True

    def trials(self) -> dict[int, Any]:
        return {r.number: r for r in read_sweep("office", self.ledger).records}

    def result(self, number: int) -> dict[str, Any]:
        """The trial as `gensweep results --json` shows it."""
        return as_records([self.trials()[number]])[0]


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the digits and their feature network, and an empty tracker."""
    folder = tmp_path_factory.mktemp("ready")
    store = open_store(f"file://{folder}")
    feature_net(store, load_dataset("digits", store, split="train"))
    tracker = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    tracker.create_experiment("office", artifact_location=f"file://{folder}/artifacts")
    return folder


@pytest.fixture
def open_office(tmp_path: Path, ready: Path) -> Iterator[Callable[..., Office]]:
    """Offices in folders of their own (by default one); all are closed at the end."""
    opened: list[Office] = []

    def make(folder: str = "office", **changes: Any) -> Office:
        opened.append(Office(tmp_path / folder, ready, **changes))
        return opened[-1]

    yield make
    for office in opened:
        office.close()


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    return open_office()
