"""The simulation of a cluster, against closed forms."""

import itertools
import random
from dataclasses import replace

import pytest

from benchmarks.scale.packs import Costs, Size, simulate
from benchmarks.scale.servers import Clock, Process, Server

SIZE = Size(gpus=40, width=8, trials=40 * 8 * 8, trial_s=900.0, evaluation_s=0.0)
COSTS = Costs(
    call=2e-4, beat=1e-4, lease=(1e-3, 1e-3), report=(1e-3, 5e-4), checkpoint=(1e-3, 2e-4),
    finish=(1e-3, 1e-3), tracker=0.1, tracker_report=0.05,
)  # fmt: skip


def arrivals(clock: Clock, server: Server, rate: float, service: float, count: int) -> Process:
    draw = random.Random(1)
    for _ in range(count):
        server.serve(clock.now, service)
        yield clock.now + draw.expovariate(rate)


@pytest.mark.parametrize("load", [0.2, 0.5, 0.8])
def test_random_arrivals_wait_as_queueing_theory_says(load: float) -> None:
    """M/D/1: the mean wait is load / (2 (1 - load)) services (Pollaczek and Khinchine)."""
    clock, server, service = Clock(), Server(), 0.01
    clock.wake(arrivals(clock, server, load / service, service, 200_000))
    clock.run()
    expected = load / (2 * (1 - load)) * service
    assert sum(server.waits) / len(server.waits) == pytest.approx(expected, rel=0.05)
    assert server.busy / clock.now == pytest.approx(load, rel=0.02)


def test_several_servers_share_a_queue() -> None:
    server = Server(count=2)
    ends = [server.serve(at, 1.0) for at in (0.0, 0.0, 0.0, 0.5)]
    assert ends == [1.0, 1.0, 2.0, 2.0]
    assert server.waits == [0.0, 0.0, 1.0, 0.5]
    assert server.idle_at == 2.0


def test_every_trial_ends_once_and_in_the_time_that_it_trains() -> None:
    """Little's law: lanes = trials a second x seconds of a trial, where nothing costs anything."""
    size = replace(SIZE, gpus=10, trials=8000)
    world, lanes = simulate(size, Costs()), size.gpus * size.width
    assert world.ended == world.handed == size.trials
    assert world.idle == pytest.approx(0.0, abs=0.01)
    rate = (size.trials - lanes) / world.emptied_at  # the first ones are handed out at once
    assert rate * size.mean_s == pytest.approx(lanes, rel=0.1)


def test_the_coordinator_is_as_busy_as_costs_and_calls_say() -> None:
    """Where nothing waits: calls of each kind by their rate, those in one call apart."""
    world = simulate(SIZE, replace(COSTS, call=0.0, lease=(0.0, 1e-3), report=(0.0, 5e-4),
                                   finish=(0.0, 1e-3), checkpoint=(0.0, 2e-4)))  # fmt: skip
    lanes = SIZE.gpus * SIZE.width
    trial = 1e-3 + 1e-3 + SIZE.reports * 5e-4
    expected = lanes / SIZE.mean_s * trial + lanes / 30 * 2e-4 + SIZE.gpus / 2.5 * 1e-4
    assert world.load == pytest.approx(expected, rel=0.1)
    assert world.tracker.busy == pytest.approx(
        SIZE.trials * (0.1 + 0.05 * (SIZE.reports - 1)), rel=0.05
    )


def test_lanes_wait_for_a_slow_coordinator_the_more_the_slower_it_is() -> None:
    slow = [
        simulate(SIZE, replace(COSTS, lease=(0.0, cost), report=(0.0, cost)))
        for cost in (0.001, 0.02, 0.1)
    ]
    idle = [world.idle for world in slow]
    assert all(a < b for a, b in itertools.pairwise(idle))
    assert idle[0] < 0.02 < idle[-1]
    assert slow[-1].load > 0.8
    assert all(world.ended == SIZE.trials for world in slow)


def test_a_seed_gives_the_same_sweep_again() -> None:
    one, other = (simulate(SIZE, COSTS) for _ in range(2))
    assert one.coordinator.waits == other.coordinator.waits
    assert simulate(replace(SIZE, seed=1), COSTS).coordinator.waits != one.coordinator.waits
