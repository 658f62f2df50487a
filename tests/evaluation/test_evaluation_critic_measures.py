"""A critic that knows training examples by heart is told from others; its slope is measured."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.evaluation._critic_measures import CriticMeasures, share_above
from gensweep.evaluation._held_out_examples import for_ranking
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from small_entries import small_settings

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


def measured_after(ticks: int) -> tuple[Pack, dict[str, float]]:
    """One GAN on forty examples of noise, which there is nothing to learn of but by heart."""
    entry: Any = CATALOG["gan"]
    config = entry.config(hidden=64, batch_size=20, learning_rate=2e-3, critic_iterations=5)
    data = Images(TRAIN)
    pack = Pack(entry, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=20 * max(1, ticks))
    if ticks:
        pack.run(ticks)
    measured = CriticMeasures.of_game(pack.game, {"x": TRAIN}, {"x": HELD_OUT})
    assert measured is not None
    return pack, measured.measure(pack, [0])[0]


def slope_by_differences(pack: Pack) -> float:
    """The root mean square norm at the held-out examples that rank trials, number by number."""
    examples = for_ranking({"x": HELD_OUT})["x"]
    count, step = len(examples), 1e-2
    nudges = torch.eye(64).reshape(64, 1, 1, 8, 8) * step
    ends = [(examples + side * nudges).flatten(0, 1) for side in (1, -1)]
    values = [pack.call("critic_values", {}, x)[0].double().view(64, count) for x in ends]
    slopes = (values[0] - values[1]) / (2 * step)
    return float(slopes.square().sum(0).mean().sqrt())


def test_a_critic_that_learned_by_heart_prefers_what_it_saw() -> None:
    (pack, fresh), (_, trained) = measured_after(0), measured_after(300)
    assert 0.35 < fresh["critic_overfitting"] < 0.65
    assert trained["critic_overfitting"] > 0.9
    assert fresh["critic_slope"] == pytest.approx(slope_by_differences(pack), rel=1e-2)
    assert trained["critic_slope"] > fresh["critic_slope"]


def test_shares_of_pairs_are_those_of_all_pairs() -> None:
    values, others = (torch.randint(0, 9, (n,), generator=DRAW).double() for n in (31, 17))
    pairs = values[:, None] - others
    expected = ((pairs > 0).double() + (pairs == 0).double() / 2).mean()
    assert share_above(values, others) == pytest.approx(float(expected))


def test_models_without_a_critic_and_data_without_a_test_split_have_none() -> None:
    for name, held_out in (("vae", {"x": HELD_OUT}), ("gan", {})):
        entry: Any = CATALOG[name]
        game = entry.game(entry.config(), Images(TRAIN))
        assert CriticMeasures.of_game(game, {"x": TRAIN}, held_out) is None


@pytest.mark.parametrize("name", ["began", "cgan", "sagan", "biggan"])
def test_critics_that_rebuild_examples_or_are_given_classes_are_measured(name: str) -> None:
    model = CATALOG[name]
    data = RandomExamples((1, 8, 8), 3)
    config = model.config(**small_settings(model))
    pack = Pack(model, config, data, data, width=2, trace=False)
    for slot in range(2):
        pack.load(slot, config, seed=slot, budget_images=80)
    examples = data.gather(torch.arange(40))
    measured = CriticMeasures.of_game(pack.game, examples, examples)
    assert measured is not None
    one, other = measured.measure(pack, [0, 1])
    assert one["critic_slope"] > 0
    assert one["critic_slope"] != other["critic_slope"]


def test_while_a_trial_goes_on_fewer_examples_are_measured() -> None:
    pack, _ = measured_after(0)
    all_of = {"x": torch.cat([TRAIN] * 4)}
    measured = CriticMeasures.of_game(pack.game, all_of, all_of)
    assert measured is not None
    fewer = measured.of_rungs()
    count = measured.protocol["critic_examples_before_the_end"]
    assert [len(part.examples["x"]) for part in (fewer.seen, fewer.unseen)] == [count, count]
    assert torch.equal(fewer.seen.examples["x"], measured.seen.examples["x"][:count])
    assert len(measured.seen.examples["x"]) > len(fewer.seen.examples["x"])
