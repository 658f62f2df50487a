"""A pack whose process lives and says nothing is found, and its trials are lost with it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gensweep.coordinator import SweepCoordinator
from gensweep.coordinator._hang_watch import CAUSE, DEAF_S, HANG_S, HangWatch
from gensweep.coordinator._study_opening import LEASE_S
from gensweep.patience import OUTAGE_S
from small_run import context_of


class Ticks:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait(watch: HangWatch, ticks: Ticks, seconds: float, owners: list[str]) -> list[str]:
    """Ask again and again, as the driver does; what is said at the end."""
    end = ticks.now + seconds
    while ticks.now < end:
        ticks.now = min(end, ticks.now + DEAF_S / 2)
        said = watch.hung(owners)
    return said


def test_a_silence_is_a_hang_if_it_is_longer_than_any_wait_for_a_server() -> None:
    ticks = Ticks()
    watch = HangWatch(ticks)
    watch.hear("a")
    watch.hear("b")
    assert wait(watch, ticks, OUTAGE_S + 60, ["a", "b"]) == []
    watch.hear("b")
    assert wait(watch, ticks, HANG_S - OUTAGE_S, ["a", "b"]) == ["a"]
    watch.hear("a")  # it was slow
    assert watch.hung(["a", "b"]) == []
    assert wait(watch, ticks, HANG_S, ["b", "c"]) == ["b"]  # one that is new has just begun


def test_nobody_was_silent_while_nobody_listened() -> None:
    ticks = Ticks()
    watch = HangWatch(ticks)
    watch.hear("a")
    ticks.now += 10 * HANG_S  # the process that listens was stopped
    assert watch.listen() == 10 * HANG_S
    assert watch.listen() == 0.0
    assert watch.hung(["a"]) == []
    assert wait(watch, ticks, HANG_S + 1, ["a"]) == ["a"]


def test_leases_outlive_a_call_that_waited(
    coordinator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for room on a full disk: others could not be heard meanwhile, and keep their trials."""
    first = coordinator.lease("a", 1, None)
    later = time.monotonic() + 2 * LEASE_S
    monkeypatch.setattr(coordinator._study._leases, "_ticks", lambda: later)
    monkeypatch.setattr(coordinator._hang_watch, "_ticks", lambda: later)
    second = coordinator.lease("b", 2, None)
    assert [lease.number for lease in (*first, *second)] == [0, 1]
    assert coordinator.held("a") == [(0, 1)]


@pytest.fixture
def coordinator(tmp_path: Path) -> Any:
    context = context_of(tmp_path)
    context = replace(context, sweep=replace(context.sweep, trials=2))
    return SweepCoordinator(context, context.sweep.objective("frechet"), {})


def test_trials_of_packs_that_hang_again_and_again_fail_with_that_cause(
    coordinator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = Ticks()
    monkeypatch.setattr(coordinator._hang_watch, "_ticks", ticks)
    for attempt in range(2 + 2):  # both of them twice, then each alone
        owner = f"pack-{attempt}"
        coordinator.register_actor(owner, f"{attempt:02x}")
        assert coordinator.lease(owner, 2, None)
        coordinator.register_actor("beginning", "ff")  # one that has no trials yet
        assert wait(coordinator._hang_watch, ticks, HANG_S, [owner]) == []
        ticks.now += 1
        assert coordinator.hung_packs() == [f"{attempt:02x}"]
        coordinator.end_pack(owner, died=True)
        assert coordinator.hung_packs() == []
    records = coordinator._study.records()
    assert {(r.state, r.lost) for r in records} == {("failed", 3)}
    assert all(r.cause == f"lost 3 times, the last by {CAUSE}" for r in records)
    coordinator.close()
