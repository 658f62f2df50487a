"""The coordinator is killed at any call: nobody notices but by a line, and the numbers are the
same."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest

from coordinator.mortal import Fate, MortalCoordinator
from gensweep.coordinator import SweepCoordinator, _pack_leases, _session_memory
from gensweep.coordinator._pack_status import REMEMBERED
from gensweep.coordinator._recorder import spool_of
from gensweep.coordinator._session_memory import MAX_DEATHS, SOON_S, SessionMemory
from gensweep.errors import UserError
from gensweep.spec import RunContext
from gensweep.storage import open_store
from gensweep.study import read_sweep
from gensweep.tracking import Spool
from gensweep.trial import LeaseId
from gensweep.worker import CoordinatorClient
from gensweep.worker._coordinator_client import HEARTBEAT_S
from small_run import context_of, end_of, report_of

WIDTH = 2
assert mlflow  # imported once, not by each process that comes back


class IdlePack:
    """A pack that trains nothing: what its trials measure follows from their numbers."""

    def __init__(self, coordinator: MortalCoordinator, owner: str, store: Any):
        self.coordinator = CoordinatorClient(coordinator.owned_by(owner), owner, store, "small")
        self.reported = dict[LeaseId, int]()

    def round(self) -> bool:
        """Report the trials in the lanes, end those that reported twice, and refill the lanes."""
        client = self.coordinator
        client._last_beat = 0.0  # each round, not after seconds
        client.heartbeat({number: 100 * times for (number, _), times in self.reported.items()})
        for lease in self.reported:
            self.reported[lease] += 1
            client.report(report_of(lease, self.reported[lease]))
        client.verdicts(wait=True)
        client.checkpoints(dict.fromkeys(self.reported, b"lane"))
        for lease in [one for one, times in self.reported.items() if times == 2]:
            client.finish(end_of(lease), b"weights", b"", {})
            del self.reported[lease]
        client.prefetch_leases(1, {})
        for got in client.lease(WIDTH - len(self.reported), {}):
            assert got.id not in self.reported
            self.reported[got.id] = 0
        client.settle()
        client.add_usage({"training": 1.0})
        return bool(self.reported)


def run(folder: Path, fate: Fate) -> tuple[dict[str, Any], int]:
    """Run the sweep by two packs, of which one dies; what is known of it, and how often the
    coordinator died."""
    context = context_of(folder)
    coordinator = MortalCoordinator(context, context.sweep.objective("frechet"), {}, fate=fate)
    packs = [IdlePack(coordinator, f"pack-{i}", open_store(context.store)) for i in range(2)]
    coordinator.ask("register_nodes", "pack-0", {"node"})
    packs[0].round()
    packs[1].round()
    before = coordinator.ask("pack_status", "pack-0")
    assert (before.has_begun, list(before.nodes), before.has_error) == (True, ["node"], False)
    coordinator.ask("record_pack_error", "pack-0", "Traceback\n  ...\nOSError: a cable")
    assert coordinator.ask("pack_status", "pack-0") == before._replace(has_error=True)
    coordinator.ask("end_pack", "pack-0", died=True)
    while packs[1].round():
        assert coordinator.ask("has_waiting_trials") is not None
    coordinator.ask("end_pack", "pack-1", died=False)
    summary = coordinator.ask("summary")
    known = {
        "stop_reason": coordinator.ask("stop_reason"),
        "usage": coordinator.ask("usage"),
        "images": (summary.images, summary.images_left),
        "deaths": [note for note in summary.notes if "pack died" in note],
        "death": summary.last_death,
    }
    coordinator.end()
    return known | recorded(context), coordinator.deaths


def recorded(context: RunContext) -> dict[str, Any]:
    """What ledger and spool have of the sweep, but for times and for what is told twice."""
    trials = [
        (r.number, r.params, r.seed, r.state, r.attempts, r.lost, r.metrics)
        for r in read_sweep("small", context.ledger).records
    ]
    spool = Spool(spool_of(context))
    events = [event for event, _ in spool.read(spool.acked, 10_000)]
    spool.close()
    points = [
        (event["trial"], event["step"], event["values"])
        for event in events
        if event["kind"] == "metrics"
    ]
    ends = {event["trial"]: event["state"] for event in events if event["kind"] == "finish"}
    begun = {event["trial"]: event["params"] for event in events if event["kind"] == "trial"}
    return {"trials": trials, "points": points, "ends": ends, "begun": begun}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(tmp_path_factory.mktemp("left-alone"), lambda method: "")[0]


def test_a_sweep_whose_coordinator_is_killed_again_and_again_is_the_same(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_session_memory, "SOON_S", -1.0)  # no death is in a row with another
    chance = random.Random(3)
    known, deaths = run(
        tmp_path, lambda method: chance.choices(["", "before", "after"], [20, 1, 1])[0]
    )
    assert deaths > 3
    assert known == undisturbed


def test_the_ledger_tells_which_store_a_sweep_uses(tmp_path: Path) -> None:
    """Whose bucket is waited for by who goes on; another one, as a mistyped one, is not."""
    context = context_of(tmp_path)
    coordinator = SweepCoordinator(context, context.sweep.objective("frechet"), {})
    coordinator._recorder._tracker._deliverer.stop()
    coordinator.close()
    snapshot = read_sweep(context.sweep.name, context.ledger)
    assert snapshot.may_be_in(f"{context.store}/")
    assert not snapshot.may_be_in(f"{context.store}2")
    assert replace(snapshot, store="").may_be_in("s3://any")  # an earlier version's


def test_many_packs_are_heard_less_often_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pack_leases, "BEATS_PER_S", 0.5)
    context = context_of(tmp_path)
    coordinator = SweepCoordinator(context, context.sweep.objective("frechet"), {})

    def ask(method: Callable[..., Any], *arguments: Any) -> Any:
        return getattr(coordinator, method.__name__)("pack-0", *arguments)

    client = CoordinatorClient(ask, "pack-0", open_store(context.store), "small")
    for number in range(3):
        coordinator.lease(f"pack-{number}", 1, None)
    client._last_beat = 0.0
    assert client.heartbeat({}) == "go"
    assert client._beat_s == 3 / 0.5
    coordinator.stop()
    assert client.heartbeat({}) == "go"  # it is not asked yet
    client._last_beat -= client._beat_s
    assert client.heartbeat({}) == "stop"
    assert client._beat_s == HEARTBEAT_S
    coordinator._recorder._tracker._deliverer.stop()
    coordinator.close()


def test_too_many_deaths_in_a_row_end_it_in_one_line(tmp_path: Path) -> None:
    path, now = tmp_path / "session.json", [0.0]

    def successor(session: str = "mine") -> SessionMemory:
        memory = SessionMemory(path, session, "x", lambda: now[0])
        memory.note_opened()
        return memory

    first = successor()
    assert not first.is_continued
    for _ in range(MAX_DEATHS - 1):
        memory = successor()
    now[0] += SOON_S + 1
    memory.note_alive()  # as calls do: the next death is the first of another row
    for _ in range(MAX_DEATHS):
        memory = successor()
        memory.note_recorded()
    for _ in range(MAX_DEATHS - 1):
        memory = successor()
        now[0] += SOON_S - 1
        memory.note_alive()
    with pytest.raises(UserError, match=r"died 5 times in a row.*--resume x\.$"):
        successor()
    assert not successor("another").is_continued  # a driver that resumes begins anew


def test_the_memory_of_a_session_does_not_grow_with_its_packs(tmp_path: Path) -> None:
    """Each change writes all of it."""
    memory = SessionMemory(tmp_path / "session.json", "mine", "x")
    packs, sizes = memory.state.packs, []
    for number in range(3 * REMEMBERED):
        owner = f"pack-{number:05d}"
        packs.nodes[owner], packs.begun[owner] = [f"node-{number % 4}"], True
        packs.note_report(owner)
        packs.lane_seconds[owner] = {"training": 2.0, "idle": 1.0}
        packs.end(owner, "a cable" if number % 2 else "")
        if number % REMEMBERED == REMEMBERED - 1:
            with memory.change():
                pass
            sizes.append((tmp_path / "session.json").stat().st_size)
    assert max(sizes) - min(sizes) < 100
    assert packs.usage() == {"training": 6.0 * REMEMBERED, "idle": 3.0 * REMEMBERED}
    assert packs.last_death() == "a cable"


def test_the_first_checkpoint_is_due_when_lanes_are_trained(tmp_path: Path) -> None:
    """However long a pack has taken to start: what it says before it has trials saves nothing."""
    asked: list[Any] = []
    client = CoordinatorClient(lambda *call: asked.append(call) or 1.0, "pack-0",
                               open_store(f"file://{tmp_path}"), "small")  # fmt: skip
    client._last_checkpoint -= 10
    assert client.heartbeat({}) == "go"
    assert client.heartbeat({3: 640}) == "save"
    assert client.heartbeat({3: 1280}) == "go"
