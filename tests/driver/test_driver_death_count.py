"""How many packs may die before a sweep gives up."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from gensweep.coordinator import PackStatus, SweepCoordinator
from gensweep.driver._death_count import (
    MAX_FAILURES,
    MAX_KILLED,
    MAX_NODE_FAILURES,
    MAX_SUSPECTS_KILLED,
    DeathCount,
)
from gensweep.objective import Objective
from gensweep.study._lost_trials import MAX_KILLED as MAX_KILLED_WITH_TRIAL
from small_run import context_of, end_of, report_of


def ended(
    recorded: int = 0,
    *,
    has_begun: bool = True,
    has_error: bool = False,
    is_suspect: bool = False,
    failed: int = 0,
    nodes: Mapping[str, int] | None = None,
) -> PackStatus:
    return PackStatus(
        has_begun=has_begun, nodes=nodes or {}, has_error=has_error, recorded=recorded,
        failed=failed, is_suspect=is_suspect,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dead", "most"),
    [
        (ended(has_error=True), MAX_FAILURES),
        (ended(), MAX_KILLED),
        (ended(is_suspect=True), MAX_SUSPECTS_KILLED),
    ],
)
def test_packs_that_die_in_a_row_end_the_sweep_and_killed_ones_later(
    dead: PackStatus, most: int
) -> None:
    deaths = DeathCount(10)
    for _ in range(most):
        assert not deaths.reason
        deaths.add(dead, error=True, host_loss=False)
    assert deaths.reason.startswith(f"{most} in a row")


def test_trials_that_fail_begin_no_new_row_of_kills() -> None:
    """Where all packs are killed, trials do not fail one after the other."""
    deaths = DeathCount(10)
    for failed in range(MAX_SUSPECTS_KILLED):
        assert not deaths.reason
        deaths.add(ended(failed=failed, is_suspect=True), error=True, host_loss=False)
    assert deaths.reason


def test_three_trials_that_each_kill_their_packs_end_a_sweep_as_failed(tmp_path: Path) -> None:
    """The last of a sweep, by turns: others are kept, and no pack is missed."""
    context = context_of(tmp_path)
    context = replace(context, sweep=replace(context.sweep, trials=5))
    coordinator = SweepCoordinator(context, Objective(metric="frechet"), {})
    deaths = DeathCount(10)
    for owner in map("pack-{}".format, count()):
        if coordinator.has_waiting_trials() is None:
            break
        assert not deaths.reason
        coordinator.register_nodes(owner, {"node"})
        leases = [lease.id for lease in coordinator.lease(owner, 4, None)]
        is_killed = any(number < 3 for number, _ in leases)
        if not is_killed:
            coordinator.report_rungs(owner, [report_of(lease, 2) for lease in leases])
            coordinator.finish(owner, [end_of(lease) for lease in leases])
        status = coordinator.pack_status(owner)
        deaths.add(status, error=is_killed, host_loss=False)
        coordinator.end_pack(owner, died=is_killed)
    records = coordinator._study.records()
    assert status.nodes == {"node": 2 + 2}  # reports and ends of two trials
    assert [record.state for record in records] == ["failed"] * 3 + ["completed"] * 2
    assert [record.lost for record in records] == [MAX_KILLED_WITH_TRIAL] * 3 + [2, 0]
    coordinator.close()


def test_a_node_whose_packs_leave_errors_is_told_though_others_get_on() -> None:
    deaths = DeathCount(10, {"a": "10.0.0.1", "b": "10.0.0.2"}.__getitem__)
    for recorded in range(MAX_NODE_FAILURES):
        assert not deaths.reason
        dead = ended(10 * recorded, has_error=True, nodes={"b": 3})
        deaths.add(dead, error=True, host_loss=False)
        deaths.add(ended(10 * recorded, nodes={"a": recorded}), error=True, host_loss=False)
    assert deaths.reason == f"{MAX_NODE_FAILURES} in a row left an error on 10.0.0.2"


@pytest.mark.parametrize("gets_on", [True, False])
def test_errors_on_the_only_node_are_those_of_trials(gets_on: bool) -> None:
    """Whether packs that live record something there meanwhile, or trials fail one by one."""
    deaths = DeathCount(10)
    for n in range(2 * MAX_NODE_FAILURES):
        dead = ended(n * gets_on, failed=n, has_error=True, nodes={"a": n * gets_on})
        deaths.add(dead, error=True, host_loss=False)
        assert not deaths.reason


def test_packs_that_die_before_they_ask_for_trials_end_the_sweep_whatever_others_record() -> None:
    deaths = DeathCount(10)
    for recorded in range(MAX_FAILURES):
        assert not deaths.reason
        deaths.add(ended(recorded, has_begun=False), error=True, host_loss=False)
    assert deaths.reason


@pytest.mark.parametrize("good", [(ended(1, has_error=True), True), (ended(), False)])
def test_a_row_ends_where_something_is_recorded_or_a_pack_ends_well(
    good: tuple[PackStatus, bool],
) -> None:
    deaths = DeathCount(10)
    for _ in range(MAX_FAILURES - 1):
        deaths.add(ended(has_error=True), error=True, host_loss=False)
    told, error = good
    deaths.add(told, error=error, host_loss=False)
    assert deaths.failures == error
    for _ in range(MAX_FAILURES - 1 - error):
        assert not deaths.reason
        deaths.add(ended(told.recorded, has_error=True), error=True, host_loss=False)


def test_hosts_count_while_their_packs_have_no_trials() -> None:
    deaths = DeathCount(2)
    for has_begun in (False, True, False):
        deaths.add(ended(has_begun=has_begun), error=True, host_loss=True)
        assert not deaths.reason
    deaths.add(ended(has_begun=False), error=True, host_loss=True)
    assert deaths.reason
    assert (deaths.failures, deaths.killed) == (0, 0)
