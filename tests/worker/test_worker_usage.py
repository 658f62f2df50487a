"""How much of their time lanes train, as every sweep tells."""

import time
from typing import Any

import pytest
import torch

from gensweep.evaluation import Shape
from gensweep.lanes import Pack
from gensweep.worker import _usage
from gensweep.worker._usage import LaneUsage
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.catalog import CATALOG


def test_lane_time_is_told_of_lanes_that_have_trials(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(width=4, budget_images=64 * 300, rungs=1)
    _, runner = small_sweep.runner("first")
    runner._segment_ticks = 20
    began = time.monotonic()
    runner.resume()
    spent = time.monotonic() - began
    used = small_sweep.coordinator.usage()
    assert set(used) == {"training", "evaluation", "idle"}
    assert 0 < used["idle"] < used["training"]
    assert used["evaluation"] > 0
    assert sum(used.values()) <= 3 * spent


def test_every_second_of_a_lane_is_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of lanes whose trials end in the course of an evaluation."""
    now = [0.0]
    monkeypatch.setattr(_usage.time, "monotonic", lambda: now[0])

    def spend(seconds: float) -> float:
        now[0] += seconds
        return seconds

    usage = LaneUsage()
    with usage.round(16):
        usage.train(spend(5.0), 1.0, 16)  # the first look is start-up
    with usage.round(16):
        usage.train(spend(2.0), 0.75, 12)
        for _ in range(16):
            usage.evaluate(spend(1.0))
        spend(0.5)
    training, evaluation = 2.0 * 12 * 0.75, 16.0 * 16
    idle = 18.5 * 16 - training - evaluation
    assert usage.seconds() == pytest.approx(
        {"training": training, "evaluation": evaluation, "idle": idle}
    )


def test_a_lane_beside_the_last_trial_is_idle(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=1, width=4, budget_images=64 * 300, rungs=1)
    _, runner = small_sweep.runner("first")
    runner._segment_ticks = 20
    runner.resume()
    used = small_sweep.coordinator.usage()
    assert used["training"] > 0
    assert 1 <= used["idle"] / used["training"] < 2


def test_a_masked_turn_is_idle() -> None:
    """Of two lanes the one with four critic steps a round takes one generator's turn in four.

    Two are the fewest that are computed.
    """
    pack = two_gans(critic_iterations=(1, 4))
    pack.run(8)
    assert (pack.turns_taken, pack.turns_computed) == (8 + 8 + 8 + 2, 2 * (8 + 8))


def two_gans(critic_iterations: tuple[int, int]) -> Pack:
    ring = Shape(shape=(2,), classes=0, count=64, levels=0)
    configs = [GanConfig(critic_iterations=n, batch_size=8, hidden=8) for n in critic_iterations]
    pack = Pack(CATALOG["gan"], configs[0], ring, Points(), width=2)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=slot, budget_images=800)
    return pack


class Points:
    """A source of points."""

    def gather(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"x": torch.ones(*indices.shape, 2)}
