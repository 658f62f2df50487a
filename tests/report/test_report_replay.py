"""How sure a sweep says it is of its best configuration, against how often it is right.

A sweep is replayed from recorded trials: each configuration's recorded seeds are all the seeds that
there could be, of which a sweep draws some, with replacement. Which configuration is the best is
thus known exactly: were it judged by the seeds that a sweep has left over, those few would
often be wrong about two that are nearly as good, and a sure sweep would seem to say too much.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensweep.confirmation import Confirmation
from gensweep.objective import Configuration, Objective
from gensweep.report import best_probabilities

POOL = json.loads((Path(__file__).parent / "seed_pool.json").read_text())
"""30 GANs on the ring of eight with 32 seeds each, by `tests/benchmarks/seed_pool.py`."""
SIGNS = {"total_variation": 1, "w1_sliced": 1, "high_quality": -1}
SIZES = ((4, 5), (6, 3), (8, 2), (8, 4), (10, 3))
"""Configurations and seeds of a sweep."""
CONFIRMED = ("3x10", "4x5", "8x5", "6x4", "5x10")
SEARCHED = 12
"""Configurations of a search, the best of which by one seed each are confirmed."""
SWEEPS = 100
"""Of each metric."""
OBJECTIVE = Objective(metric="m")

Said = tuple[float, bool]
"""The probability that a sweep says of its best, and if that is the best."""


def repeated(seeds: list[Any], sweep: int, random: np.random.Generator) -> Said:
    """A sweep of as many seeds of each configuration."""
    count, each = SIZES[sweep % len(SIZES)]
    chosen = random.choice(len(seeds), count, False)
    drawn = {n: random.choice(seeds[n], each).tolist() for n in chosen}
    order = sorted(chosen, key=lambda n: float(np.mean(drawn[n])))
    says = best_probabilities([Configuration(trials=(), values=drawn[n]) for n in order])
    return says[0], is_best(order[0], chosen, seeds)


def confirmed(seeds: list[Any], sweep: int, random: np.random.Generator) -> Said:
    """A search of one seed each, whose best are confirmed round by round."""
    asked = Confirmation.parse(CONFIRMED[sweep % len(CONFIRMED)])
    chosen = random.choice(len(seeds), SEARCHED, False).tolist()
    trials, drawn, number = [], chosen, 0
    while drawn:
        trials += [trial(n, number, float(random.choice(seeds[n]))) for n in drawn]
        drawn, number = asked.next_round(OBJECTIVE, trials), number + 1
    ranked = OBJECTIVE.configurations(trials)
    groups = [one.trials[0]["group"] for one in ranked if one.confirmed]
    return best_probabilities(ranked)[0], is_best(groups[0], groups, seeds)


def trial(group: int, confirm_round: int, value: float) -> Any:
    return {"group": group, "confirm_round": confirm_round, "state": "completed",
            "metrics": {"m": value}}  # fmt: skip


def is_best(one: int, among: Any, seeds: list[Any]) -> bool:
    return bool(seeds[one].mean() <= min(seeds[n].mean() for n in among) + 1e-9)


@pytest.fixture(scope="module", params=(repeated, confirmed))
def sweeps(request: pytest.FixtureRequest) -> Any:
    """What each sweep of each metric says, and if it is right, [metrics, SWEEPS, 2]."""
    pools = [[sign * np.array(one[metric]) for one in POOL] for metric, sign in SIGNS.items()]
    found = []
    for seeds in pools:
        random = np.random.default_rng(0)
        found.append([request.param(seeds, sweep, random) for sweep in range(SWEEPS)])
    return np.array(found, float)


def assert_right_as_often(some: Any, within: float) -> None:
    """Compare what sweeps [N, 2] say with how often they are right, as well as N of them tell."""
    says, right = some.mean(0)
    assert says == pytest.approx(right, abs=within + 2 * some[:, 1].std() / len(some) ** 0.5)


def test_a_replayed_sweep_is_as_often_right_as_it_says(sweeps: Any) -> None:
    assert_right_as_often(sweeps.reshape(-1, 2), within=0.03)
    for some in sweeps:  # of one metric
        assert_right_as_often(some, within=0.05)


def test_neither_the_sure_nor_the_unsure_say_too_much(sweeps: Any) -> None:
    every = sweeps.reshape(-1, 2)
    for some in np.array_split(every[every[:, 0].argsort(kind="stable")], 3):
        assert_right_as_often(some, within=0.07)
