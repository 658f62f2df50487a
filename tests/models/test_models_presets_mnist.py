"""Presets for the real MNIST reach in seconds the likelihood that they state for that."""

import os
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from gensweep.data import load_dataset
from gensweep.evaluation import Likelihood, draw_examples
from gensweep.lanes import Pack
from gensweep.storage import open_store
from gensweep_models.catalog import CATALOG
from gensweep_models.presets import MNIST

FOLDER = os.environ.get("GENSWEEP_DATA") or Path(__file__).parents[2].parent / "shared" / "data"
IMPORTANCE_SAMPLES = 50

pytestmark = pytest.mark.slow("a preset trains on MNIST", minutes=0.2)


@pytest.fixture
def splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The training and the test split, where they are at hand."""
    if not (Path(FOLDER) / "mnist").is_dir():
        pytest.skip(f"no {FOLDER}/mnist: set GENSWEEP_DATA to a folder with mnist")
    monkeypatch.setenv("GENSWEEP_DATA", str(FOLDER))
    store = open_store(tmp_path.as_uri())
    return [load_dataset("mnist", store, split=split) for split in ("train", "test")]


def independent_nll(train: Tensor, test: Tensor) -> float:
    """Nats of binarised examples in [-1, 1] under the training set's mean of each pixel."""
    shown, held = ((x + 1).flatten(1) / 2 for x in (train, test))
    p = shown.mean(0).clamp(1e-4, 1 - 1e-4)
    return float(-(held * p.log() + (1 - held) * (1 - p).log()).sum(1).mean())


@pytest.mark.parametrize("name", [name for name, one in MNIST.items() if one.reached])
def test_a_preset_tells_mnist_better_than_independent_pixels(name: str, splits: list[Any]) -> None:
    preset, model = MNIST[name], CATALOG[name]
    assert preset.metric == "nll"
    train, test = splits
    config = model.config(**preset.settings)
    pack = Pack(model, config, train, train.source("cpu"), width=1)
    pack.load(0, config, seed=0, budget_images=preset.short)
    pack.run(-(-preset.short // config.batch_size))
    held_out = draw_examples(test, test.count)
    likelihood = Likelihood.of_game(pack.game, held_out, "test")
    assert likelihood is not None
    (found,) = likelihood.measure(pack, [0], IMPORTANCE_SAMPLES)
    floor = independent_nll(draw_examples(train, 10_000)["x"], likelihood.examples["x"])
    assert found["nll"] < preset.reached < floor
    (paper, *_) = model.published
    assert found["nll"] > paper.value
