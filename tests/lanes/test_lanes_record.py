"""What a segment records: the losses that are minimised, each under a name of its own."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.lanes._record import Record

LOSS = torch.ones(1)


def test_the_recorded_critic_loss_is_the_one_minimised(bench: Any) -> None:
    """Of WGAN-GP that is with the penalty, whose explosion must be seen."""
    config = bench.config("gan", objective="wasserstein_gp", penalty_weight=1e12)
    pack = bench.filled("gan", [config])
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
    record.add("critic", [0], LOSS, {"gap": LOSS + 1})
    with pytest.raises(UserError, match=f"'{player}' reports a metric '{metric}'.*rename it"):
        record.add(player, [0], LOSS, {metric: LOSS + 1})
