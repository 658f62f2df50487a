"""A critic that knows the training examples by heart is told from one that does not."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.evaluation._critic_overfitting import CriticOverfitting, share_above
from gensweep.lanes import Pack
from gensweep_models.catalog import CATALOG

DRAW = torch.Generator().manual_seed(0)
TRAIN, HELD_OUT = (torch.rand(40, 1, 8, 8, generator=DRAW) * 2 - 1 for _ in range(2))


@dataclass(frozen=True)
class Images:
    """Examples that are resident."""

    x: Tensor
    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 1
    levels: int = 255

    @property
    def count(self) -> int:
        return len(self.x)

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices]}


def overfitting_after(ticks: int) -> float:
    """Of one GAN on forty examples of noise, which there is nothing to learn of but by heart."""
    entry: Any = CATALOG["gan"]
    config = entry.config(hidden=64, batch_size=20, learning_rate=2e-3, critic_iterations=5)
    data = Images(TRAIN)
    pack = Pack(entry, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=20 * max(1, ticks))
    if ticks:
        pack.run(ticks)
    measured = CriticOverfitting.of_game(pack.game, {"x": TRAIN}, {"x": HELD_OUT})
    assert measured is not None
    return measured.measure(pack, [0])[0]


def test_a_critic_that_learned_by_heart_prefers_what_it_saw() -> None:
    assert 0.35 < overfitting_after(0) < 0.65
    assert overfitting_after(300) > 0.9


def test_shares_of_pairs_are_those_of_all_pairs() -> None:
    values, others = (torch.randint(0, 9, (n,), generator=DRAW).double() for n in (31, 17))
    pairs = values[:, None] - others
    expected = ((pairs > 0).double() + (pairs == 0).double() / 2).mean()
    assert share_above(values, others) == pytest.approx(float(expected))


def test_models_without_a_critic_and_data_without_a_test_split_have_none() -> None:
    for name, held_out in (("vae", {"x": HELD_OUT}), ("gan", {})):
        entry: Any = CATALOG[name]
        game = entry.game(entry.config(), Images(TRAIN))
        assert CriticOverfitting.of_game(game, {"x": TRAIN}, held_out) is None
