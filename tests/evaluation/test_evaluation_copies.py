"""A trial that copies training examples is found at the share of its samples that are copies."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.data import load_dataset
from gensweep.evaluation import build_evaluator, draw_examples
from gensweep.evaluation._pictured_lane import COLUMNS, PicturedLane
from gensweep.evaluation._sample_pictures import neighbours
from gensweep.lanes import Pack
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep_models.config import BaseConfig, lane
from gensweep_models.game import Model, Noise, Player
from gensweep_models.space import Real


@dataclass(frozen=True, kw_only=True, slots=True)
class CopierConfig(BaseConfig):
    copied: float = lane(0.5, at_least=0, at_most=1)


class Copier:
    """Draws training examples for a share of its samples, and unseen ones for the others.

    The unseen are half of the test split, which is as good as a perfect model draws.
    """

    def __init__(self, seen: Tensor, unseen: Tensor):
        self.examples, self.counts = torch.cat([seen, unseen]), (len(seen), len(unseen))
        self.players = {"net": Player(lambda: nn.Linear(1, 1))}
        self.noise: dict[str, dict[str, Noise]] = {"net": {}}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["net"](batch["x"].flatten(1)[:, :1]).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"which": Noise((count,), kind="uniform"), "kind": Noise((count,), kind="uniform")}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        seen, unseen = self.counts
        which, copies = noise["which"], noise["kind"] < hyper["copied"]
        place = torch.where(copies, which * seen, seen + which * unseen).long()
        return self.examples[place]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    return store, *(load_dataset("digits", store, split=split) for split in ("train", "test"))


def copier(splits: Any, share: float) -> tuple[Sweep, Pack]:
    """A trial that copies so large a share."""
    _, train, test = splits
    seen = draw_examples(train, train.count)["x"]
    unseen = draw_examples(test, test.count // 2)["x"]
    model = Model("copier", "toys", "none", CopierConfig, lambda c, d: Copier(seen, unseen), {})
    sweep = Sweep(name="copies", model=model, space={"learning_rate": Real(1e-4, 1e-2)},
                  fixed={"copied": share}, data="digits", samples=2000)  # fmt: skip
    pack = Pack(model, sweep.config({}), train, train.source("cpu"), width=1, trace=False)
    pack.load(0, sweep.config({}), seed=0, budget_images=1000)
    return sweep, pack


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_trial_that_copies_is_found_at_its_share(splits: Any, share: float) -> None:
    """By the evaluation that ends every trial, whose interval holds it."""
    sweep, pack = copier(splits, share)
    (_, found), *_ = build_evaluator(sweep, *splits).evaluate(pack, {0: True}, bound=False)
    low, high = found.intervals["copied"]
    assert low <= share <= high
    assert high - low < 0.06
    assert found.metrics["copied"] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("share", "copies"), [(0.0, 0), (1.0, 16)])
def test_samples_stand_above_the_training_examples_nearest_to_them(
    splits: Any, share: float, copies: int
) -> None:
    store, train, test = splits
    _, pack = copier(splits, share)
    sheet = neighbours(PicturedLane.of(pack, (train, test), store, 16))
    above, below = sheet.samples.reshape(2, 2, COLUMNS, 1, 8, 8).unbind(1)
    assert sheet.detail.startswith(f"{copies} of 16 as near as ")
    assert int((above == below).flatten(2).all(2).sum()) == copies
    known = {example.numpy().tobytes() for example in draw_examples(train, train.count)["x"]}
    assert all(one.numpy().tobytes() in known for one in below.flatten(0, 1))


def test_without_held_out_examples_no_copy_is_told(splits: Any) -> None:
    store, train, _ = splits
    _, pack = copier(splits, 1.0)
    sheet = neighbours(PicturedLane.of(pack, (train, None), store, 8))
    assert sheet.detail == ""
    assert torch.equal(*sheet.samples.chunk(2))
