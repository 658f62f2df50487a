"""A pack at its desk, in one process: what becomes of trials that are lost, pruned or broken."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from gensweep.data import load_dataset
from gensweep.storage import Checkpoints, open_store
from gensweep.study import read_sweep
from gensweep.sweep import Sweep
from gensweep.sweep._args import Request
from gensweep.sweep._bench import Bench
from gensweep.sweep._desk import Desk
from gensweep.sweep._plan import Plan
from gensweep.sweep._reference import feature_net, make_judge
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

TRIALS, BUDGET = 3, 2560
ENDED = {"completed", "collapsed"}


class Here:
    """The desk as a pack sees it, without Ray in between; `orders` are its next answers."""

    def __init__(self, desk: Desk, owner: str, store: Any):
        self.desk, self.owner = desk, owner
        self.kept = Checkpoints(store, f"checkpoints/{owner}")
        self.orders = ["go"]

    def __getattr__(self, method: str) -> Any:
        return lambda *args: getattr(self.desk, method)(self.owner, *args)

    def heartbeat(self, seen: dict[int, int]) -> str:
        self.desk.heartbeat(self.owner, seen)
        return self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]

    def checkpoints(self, lanes: dict[int, bytes]) -> list[int]:
        self.kept.write(1, {str(n): data for n, data in lanes.items()}, {})
        return self.desk.checkpoint(self.owner, list(lanes), {"owner": self.owner})

    def restore(self, pointer: dict[str, Any], number: int) -> bytes | None:
        return self.kept.read_lane(str(number))[0]


class Office:
    """A sweep of small VAEs on real digits, with its store, ledger and tracker in a folder."""

    def __init__(self, folder: Path, ready: Path, **changes: Any):
        shutil.copytree(ready, folder / "store")
        self.store_uri = f"file://{folder / 'store'}"
        self.store = open_store(self.store_uri)
        data, test = (load_dataset("digits", self.store, split=s) for s in ("train", "test"))
        self.sweep = Sweep(
            name="office", model=CATALOG["vae"], data="digits", trials=TRIALS, width=TRIALS,
            budget_images=BUDGET, samples=50, rungs=2, sampler="random", target="nll",
            space={"learning_rate": Real(1e-4, 1e-2, log=True)}, **changes,
            fixed={"binarise": "dynamic", "latent_size": 4, "hidden": 16, "batch_size": 64},
        )  # fmt: skip
        asked = Request(sweep=self.sweep)
        self.ledger = str(folder / "studies")
        plan = Plan(
            asked=asked, store=self.store_uri, home=str(folder), ledger=self.ledger,
            tracking_uri=f"sqlite:///{folder}/store/mlflow.db", dataset=data, test=test,
        )  # fmt: skip
        self.judge = make_judge(self.sweep, self.store, data, test)
        self.desk = Desk(asked, plan, self.sweep.goal("frechet"), self.judge.protocol)
        self.source = data.source("cpu")

    def bench(self, owner: str) -> tuple[Here, Bench]:
        """A pack with all of the trials that wait."""
        here = Here(self.desk, owner, self.store)
        leases = here.lease(TRIALS, None)
        bench = Bench(self.sweep, here, self.judge, self.source, leases[0])  # type: ignore[arg-type]
        bench.seat(leases)
        return here, bench

    def trials(self) -> dict[int, Any]:
        return {r.number: r for r in read_sweep("office", self.ledger).records}

    def result(self, number: int) -> dict[str, Any]:
        found = self.store.get(f"sweeps/office/trials/{number:04d}/result.json")
        return dict(json.loads(found))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the digits and their feature network, and an empty tracker."""
    folder = tmp_path_factory.mktemp("ready")
    store = open_store(f"file://{folder}")
    feature_net(store, load_dataset("digits", store, split="train"))
    MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder


@pytest.fixture
def office(tmp_path: Path, ready: Path) -> Any:
    office = Office(tmp_path, ready)
    yield office
    office.desk.close()


def test_a_pack_that_lost_its_trials_drops_them_and_another_goes_on(office: Office) -> None:
    """Whoever comes back from a long silence may not end what others train by now."""
    _, silent = office.bench("silent")
    silent.pack.run(3)
    office.desk._study.fail_owner("silent", "silence")
    _, other = office.bench("other")
    silent.run()
    assert silent.seats == {}
    assert {t.state for t in office.trials().values()} == {"leased"}
    other.run()
    assert {t.state for t in office.trials().values()} <= ENDED
    assert {t.attempts for t in office.trials().values()} == {2}


def test_only_the_lost_lane_is_dropped_when_lanes_are_saved(office: Office) -> None:
    here, bench = office.bench("first")
    here.orders = ["save", "go"]
    lost = bench.seats[1].lease.number
    mine = office.desk._leases[lost]
    office.desk._leases[lost] = dataclasses.replace(mine, owner="another")
    bench.run()
    states = {n: t.state for n, t in office.trials().items()}
    assert states.pop(lost) == "leased"
    assert set(states.values()) <= ENDED


def test_results_stand_before_the_ledger_says_that_a_trial_ended(office: Office) -> None:
    _, bench = office.bench("first")
    bench.run()
    for number, trial in office.trials().items():
        assert trial.metrics["nll"] == office.result(number)["metrics"]["nll"]
        assert office.result(number)["state"] == trial.state
        assert trial.state in ENDED


def test_a_pack_that_died_leaves_its_traceback_and_its_cause(office: Office) -> None:
    for attempt in range(3):
        here, _ = office.bench(f"pack-{attempt}")
        here.died("Traceback (most recent call last):\n  ...\nRuntimeError: shapes do not fit")
        office.desk.release(f"pack-{attempt}", True)
    for number, trial in office.trials().items():
        assert (trial.state, trial.attempts) == ("failed", 3)
        assert "RuntimeError: shapes do not fit" in trial.cause
        assert office.result(number)["outcome"] == "failed"
        text = office.store.get(f"sweeps/office/trials/{number:04d}/traceback.txt").decode()
        assert text.startswith("Traceback")
    assert len(office.desk.summary()["notes"]) == 3
    assert office.desk.summary()["left"] == 0


def test_pruned_trials_end_early_with_what_they_were(tmp_path: Path, ready: Path) -> None:
    office = Office(tmp_path, ready, pruner="asha")
    _, bench = office.bench("first")
    bench.run()
    trials = office.trials()
    pruned = [t for t in trials.values() if t.state == "pruned"]
    assert 1 <= len(pruned) < TRIALS
    assert all(0 < t.images < BUDGET and "nll" in t.metrics for t in pruned)
    assert all(office.result(t.number)["outcome"] == "pruned" for t in pruned)
    assert all(t.images >= BUDGET for t in trials.values() if t.state in ENDED)
    office.desk.close()


def test_a_sweep_ends_with_the_images_it_may_see(tmp_path: Path, ready: Path) -> None:
    office = Office(tmp_path, ready, max_images=2 * BUDGET + 1)
    _, bench = office.bench("first")
    bench.run()
    assert len(office.trials()) == 2
    assert office.desk.waiting() is None
    office.desk.close()


def test_saving_in_the_middle_changes_nothing(tmp_path: Path, ready: Path) -> None:
    """A pack told to save and stop, and its trials taken up by another, give the same numbers."""
    (whole, parts) = (Office(tmp_path / name, ready) for name in ("whole", "parts"))
    whole.bench("first")[1].run()
    here, bench = parts.bench("first")
    here.orders = ["go", "go", "go", "stop"]
    bench.run()
    parts.desk.release("first", False)
    assert {t.state for t in parts.trials().values()} == {"queued"}
    here, bench = parts.bench("first")
    assert all(0 < bench.pack.lane(i).images_seen < BUDGET for i in range(TRIALS))
    bench.run()
    nll = [{n: t.metrics["nll"] for n, t in o.trials().items()} for o in (whole, parts)]
    assert nll[0] == nll[1]
    for office in (whole, parts):
        office.desk.close()
