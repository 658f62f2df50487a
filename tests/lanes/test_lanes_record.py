"""What a segment records: the losses that are minimised, each under a name of its own."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.lanes._means import Means
from gensweep.lanes._record import Record, find_failure

LOSS = torch.ones(1)


def test_the_recorded_critic_loss_is_the_one_minimised(factory: Any) -> None:
    """Of WGAN-GP that is with the penalty, whose explosion must be seen."""
    config = factory.config("gan", objective="wasserstein_gp", penalty_weight=1e12)
    pack = factory.filled("gan", [config])
    progress = pack.run(1)[0]
    assert progress.metrics["critic_loss"] == pytest.approx(
        1e12 * progress.metrics["penalty"], rel=1e-3
    )
    assert progress.cause is not None
    assert progress.cause.startswith("critic_loss was ")


@pytest.mark.parametrize(("player", "metric"), [("critic", "critic_loss"), ("actor", "critic_loss"),
                                                ("actor", "gap")])  # fmt: skip
def test_a_name_belongs_to_one_value(player: str, metric: str) -> None:
    record = Record()
    record.add("critic", {0: 1}, LOSS, {"gap": LOSS + 1})
    with pytest.raises(UserError, match=f"'{player}' reports a metric '{metric}'.*rename it"):
        record.add(player, {0: 1}, LOSS, {metric: LOSS + 1})


@pytest.mark.parametrize("ticks", [1, 4, 7])
def test_the_cause_says_the_step_of_the_trial(factory: Any, ticks: int) -> None:
    """Counted from the trial's start, in whatever segment and round it falls."""
    config = factory.config("gan", critic_iterations=3, learning_rate=0.01)
    pack = factory.filled("gan", [config, config])
    assert pack.run(ticks)[0].cause is None
    pack.stacks["critic"].flat[0] = 1e30
    progress = pack.run(5)
    assert progress[0].cause is not None
    assert progress[0].cause.endswith(f" at step {ticks + 1}")
    assert progress[1].cause is None


def test_the_first_bad_loss_is_told_and_its_step_of_this_lane() -> None:
    record, fine = Record(), torch.ones(2)
    for tick in range(4):
        record.add("actor", {0: tick + 5}, torch.tensor([torch.inf if tick == 3 else 1.0, 0.0]), {})
        if tick % 2:
            bad = torch.tensor([torch.nan, 1e9]) if tick == 1 else fine
            record.add("judge", {0: tick + 5, 1: tick + 1}, bad, {})
    record.close(lambda values: None)
    assert find_failure(record.series(0), Means()) == (6, "judge_loss was nan at step 6")
    assert find_failure(record.series(1), Means()) == (2, "judge_loss was 1e+09 at step 2")


def test_exploded_weights_are_told_with_the_step(factory: Any) -> None:
    pack = factory.filled("ddpm", [factory.config("ddpm")])
    pack.run(2)
    for stack in pack.stacks.values():
        stack.flat[0] = 0.0
        stack.flat[0, -1] = 1e9
    cause = pack.run(0)[0].cause
    assert cause is not None
    assert cause.endswith("reached 1e+09 by step 2")
