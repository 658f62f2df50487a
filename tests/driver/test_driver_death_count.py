"""How many packs may die before a sweep gives up."""

import pytest

from gensweep.coordinator import PackStatus
from gensweep.driver._run_packs import MAX_FAILURES, MAX_KILLED, DeathCount


def status(recorded: int = 0, *, has_begun: bool = True, has_error: bool = False) -> PackStatus:
    return PackStatus(
        has_begun=has_begun, nodes=frozenset(), has_error=has_error, recorded=recorded
    )


@pytest.mark.parametrize(("has_error", "most"), [(True, MAX_FAILURES), (False, MAX_KILLED)])
def test_packs_that_die_in_a_row_end_the_sweep_and_killed_ones_later(
    has_error: bool, most: int
) -> None:
    deaths = DeathCount(10)
    for _ in range(most):
        assert not deaths.is_exceeded
        deaths.add(status(has_error=has_error), error=True, host_loss=False)
    assert deaths.is_exceeded


def test_packs_that_die_before_they_ask_for_trials_end_the_sweep_whatever_others_record() -> None:
    deaths = DeathCount(10)
    for recorded in range(MAX_FAILURES):
        assert not deaths.is_exceeded
        deaths.add(status(recorded, has_begun=False), error=True, host_loss=False)
    assert deaths.is_exceeded


@pytest.mark.parametrize("good", [(status(1, has_error=True), True), (status(), False)])
def test_a_row_ends_where_something_is_recorded_or_a_pack_ends_well(
    good: tuple[PackStatus, bool],
) -> None:
    deaths = DeathCount(10)
    for _ in range(MAX_FAILURES - 1):
        deaths.add(status(has_error=True), error=True, host_loss=False)
    told, error = good
    deaths.add(told, error=error, host_loss=False)
    assert deaths.failures == error
    for _ in range(MAX_FAILURES - 1 - error):
        assert not deaths.is_exceeded
        deaths.add(status(told.recorded, has_error=True), error=True, host_loss=False)


def test_hosts_count_while_their_packs_have_no_trials() -> None:
    deaths = DeathCount(2)
    for has_begun in (False, True, False):
        deaths.add(status(has_begun=has_begun), error=True, host_loss=True)
        assert not deaths.is_exceeded
    deaths.add(status(has_begun=False), error=True, host_loss=True)
    assert deaths.is_exceeded
    assert (deaths.failures, deaths.killed) == (0, 0)
