"""Trials of a game with `verdict_bounds` are judged by its scores."""

import dataclasses
import math
from typing import Any

import pytest
import torch

from gensweep.data import load_dataset
from gensweep.evaluation import Scores, build_evaluator
from gensweep.lanes import Pack
from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep.trial import Outcome
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

STEPS = 300
LANES = {
    ("extragradient", 0.3): Outcome.CONVERGED,
    ("extragradient", 0.01): Outcome.UNCONVERGED,
    ("in_turn", 0.3): Outcome.UNCONVERGED,
    ("at_once", 0.01): Outcome.UNCONVERGED,
    ("at_once", 0.2): Outcome.DIVERGED,
}
"""Order and rate: that converges in time, or not yet; an orbit; a slow spiral, and a fast one."""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[Any, Any]]:
    """The evaluator, and its evaluations of all `LANES`."""
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    sweep = Sweep(name="judged", model=CATALOG["bilinear"],
                  space={"learning_rate": Real(0.01, 1)}, data="ring8")  # fmt: skip
    train = load_dataset("ring8", store, split="train")
    evaluator, found = build_evaluator(sweep, store, train, None), {}
    for order in {order for order, _ in LANES}:
        rates = [rate for known, rate in LANES if known == order]
        configs = [sweep.config({"learning_rate": r} | {"order": order}) for r in rates]
        pack = Pack(sweep.model, configs[0], train, train.source("cpu"), width=len(rates))
        for slot, config in enumerate(configs):
            pack.load(slot, config, seed=0, budget_images=STEPS)
        pack.run(STEPS)
        told = dict(evaluator.evaluate(pack, dict.fromkeys(range(len(rates)), True), bound=False))
        found |= {(order, rate): told[slot] for slot, rate in enumerate(rates)}
    return evaluator, found


@pytest.mark.parametrize("lane", LANES, ids=str)
def test_a_spiral_an_orbit_and_a_convergent_trial_are_told_apart(evaluated: Any, lane: Any) -> None:
    one = evaluated[1][lane]
    assert one.outcome is LANES[lane]
    assert one.cause == f"distance {one.metrics['distance']:.3g}"
    assert one.png


def test_the_protocol_and_the_report_say_what_judges(evaluated: Any) -> None:
    protocol = evaluated[0].protocol
    assert protocol["scores"]["verdict_bounds"] == {"distance": [0.01, 100.0]}
    trial = {
        "number": 0, "group": 0, "state": "completed", "outcome": "converged", "images": 5,
        "cause": "", "params": {"learning_rate": 0.1}, "metrics": {"distance": 0.001, "modes": 0},
        "curves": {},
    }  # fmt: skip
    page = build_report(
        SweepFacts(protocol=protocol), [trial], {}, objective=Objective.of("distance"),  # type: ignore[list-item]
        map_axis="learning_rate",
    )  # fmt: skip
    assert "Converged: distance at most 0.01. Diverged: distance at least 100, or" in page
    assert "Lost modes" not in page
    assert "distance 0.001" in page


def test_a_score_that_is_no_number_is_divergence(evaluated: Any) -> None:
    scores: Scores = evaluated[0].scores
    for value in (math.nan, math.inf, 100.0):
        verdict = scores.verdict({"distance": value})
        assert verdict is not None
        assert verdict[0] is Outcome.DIVERGED
    assert dataclasses.replace(scores, bounds={}).verdict({"distance": 1.0}) is None


def test_the_iterates_are_the_samples(evaluated: Any) -> None:
    """Any of the points, each by chance."""
    model = CATALOG["bilinear"]
    data = evaluated[0].data
    pack = Pack(model, model.config(), data, data.source("cpu"), width=1)
    pack.load(0, model.config(), seed=0, budget_images=10)
    pack.run(10)
    points = torch.stack([stack.flat[0] for stack in pack.stacks.values()], -1)
    (drawn,) = pack.sample(1000)
    nearest = torch.cdist(drawn, points).min(1)
    assert float(nearest.values.max()) == 0
    assert len(nearest.indices.unique()) == len(points)
