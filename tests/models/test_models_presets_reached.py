"""Presets reach in seconds of training what their table states for that."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gensweep.catalog import model_named
from gensweep.data import load_dataset
from gensweep.lanes import Pack
from gensweep.storage import ObjectStore, open_store
from gensweep_models.presets import DIGITS

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
CHANCE = 0.1
"""Agreement of samples with one of ten classes where the generator ignores it."""
FEW_STEPS = 10
"""Of diffusions whose preset has more: samples take longer than the training."""

pytestmark = pytest.mark.slow("every preset trains for seconds", minutes=4.2)


@pytest.fixture(scope="module")
def quality() -> Iterator[Any]:
    """The benchmark's module; it imports its neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        import entry_quality

        yield entry_quality
    for name in ("entry_quality", "machine"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """Keeps the digits and their features for the next preset."""
    return open_store(tmp_path_factory.mktemp("quality").as_uri())


@pytest.mark.parametrize("name", [name for name, one in DIGITS.items() if one.reached])
def test_a_preset_reaches_its_bound(name: str, quality: Any, store: ObjectStore) -> None:
    preset = DIGITS[name]
    argv = [name, "--preset", "--seeds", "1", "--images", str(preset.short)]
    if "sample_steps" in preset.settings:
        argv += ["--set", f"sample_steps={FEW_STEPS}"]
    figures = quality.measured(quality.parser().parse_args(argv), store, last=False)["figures"]
    assert figures["own.frechet"] < figures["frechet"] < preset.reached
    assert figures["frechet"] < figures["untrained.frechet"] / 2
    if "class_agreement" in figures:
        assert figures["class_agreement"] > 3 * CHANCE


def test_the_critic_of_vqgan_tells_patches_from_reconstructions(store: ObjectStore) -> None:
    """At the authors' weight of 0.8 the autoencoder outruns a critic of 8x8 images.

    The less that critic knows, the smaller its gradient and the larger the adaptive weight.
    """
    model, data = model_named("vqgan"), load_dataset("digits", store, split="train")
    settings = {**DIGITS["vqgan"].settings, "stage_fraction": 0.9, "critic_start": 0.1}
    configs = [model.config(**settings | weight) for weight in ({}, {"adversarial_weight": 0.8})]
    pack = Pack(model, configs[0], data, data.source("cpu"), width=2)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=0, budget_images=5120)
    preset, authors = (one.metrics for one in pack.run(48).values())
    assert preset["critic_loss"] < 0.9 < authors["critic_loss"]
    assert authors["critic_gap"] < 0.2 < preset["critic_gap"]
    assert preset["distortion"] < authors["distortion"]
