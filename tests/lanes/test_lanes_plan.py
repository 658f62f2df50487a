"""In which order turns are computed: each lane's own is kept, and nothing is computed in vain."""

import random
from collections import Counter
from typing import Any

import pytest

from gensweep.lanes._plan import Program, in_halves, in_step

PLAYERS = ["critic", "generator"]


def programs(width: int, ticks: int, source: random.Random) -> dict[int, Program]:
    """Lanes with one to five critic iterations, begun at any tick of a round."""
    made = {}
    for slot in range(width):
        count, start = source.randint(1, 5), source.randint(0, 4)
        turns = [(tick, player) for tick in range(ticks) for player in PLAYERS
                 if player == "critic" or (start + tick) % count == count - 1]  # fmt: skip
        made[slot] = turns
    return made


def taken(steps: list[Any]) -> dict[int, Program]:
    """What each lane did, in order."""
    done: dict[int, Program] = {}
    for step in steps:
        for slot, tick in step.acting.items():
            done.setdefault(slot, []).append((tick, step.player))
    return done


@pytest.mark.parametrize("width", [4, 7, 16, 30])
@pytest.mark.parametrize("seed", range(5))
def test_each_lane_takes_its_turns_in_its_order(width: int, seed: int) -> None:
    asked = programs(width, 24, random.Random(seed))
    assert taken(list(in_step(asked, PLAYERS, even=True))) == asked
    assert taken(list(in_halves(asked, width, even=True))) == asked


@pytest.mark.parametrize("width", [4, 7, 16, 30])
@pytest.mark.parametrize("seed", range(5))
def test_uneven_parts_end_with_the_first_lane_and_whole_ticks(width: int, seed: int) -> None:
    asked = programs(width, 24, random.Random(seed))
    done = taken(list(in_halves(asked, width, even=False)))
    ticks = {slot: turns[-1][0] + 1 for slot, turns in done.items()}
    assert max(ticks.values()) == 24
    for slot, turns in done.items():
        assert turns == [turn for turn in asked[slot] if turn[0] < ticks[slot]]


@pytest.mark.parametrize("width", [16, 30, 64])
def test_halves_are_full_until_the_first_lane_is_done(width: int) -> None:
    asked = programs(width, 200, random.Random(width))
    steps = list(in_halves(asked, width, even=False))
    counts = Counter(len(step.lanes or range(width)) - len(step.acting) for step in steps)
    assert sum(vain * times for vain, times in counts.items()) < width
    alike = dict.fromkeys(range(width), asked[0])
    assert all(not step.lanes for step in in_halves(alike, width, even=True))


def test_a_lane_ahead_of_others_is_the_trial_alone(bench: Any, bitwise: Any) -> None:
    counts = (1, 3, 4, 4, 2, 4)
    configs = [bench.config("gan", critic_iterations=n, learning_rate=1e-3) for n in counts]
    pack = bench.filled("gan", configs, width=6)
    progress = pack.run(12, even=False)
    ticks = [one.ticks for one in progress.values()]
    assert max(ticks) == 12
    assert min(ticks) < 12
    assert pack.turns_taken == sum(n + n // c for n, c in zip(ticks, counts, strict=True))
    for slot, config in enumerate(configs):
        alike = bench.reused("gan", config)
        bench.load(alike, 0, config, slot)
        alike.run(ticks[slot])
        bitwise(pack.take(slot), alike.take(0))


def test_lanes_that_rest_take_no_step(bench: Any, bitwise: Any) -> None:
    configs = [bench.config("gan", critic_iterations=n, learning_rate=1e-3) for n in (1, 2, 3, 1)]
    pack = bench.filled("gan", configs, width=4)
    pack.run(3)
    before = [pack.take(slot) for slot in range(4)]
    progress = pack.run(5, resting=[1, 2])
    assert [one.ticks for one in progress.values()] == [8, 3, 3, 8]
    for slot in (1, 2):
        bitwise(pack.take(slot), before[slot])
    assert progress[1].metrics == {}
    assert pack.run(5, resting=range(4))[0].ticks == 8
