"""A stored trial of every adversarial entry samples, at any truncation, as it did in its pack."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from gensweep.evaluation import SamplerSpec, sample_lane
from gensweep.lanes import Pack
from gensweep.sampling_fields import sampling_fields
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from small_entries import small_settings

ADVERSARIAL = [name for name, model in CATALOG.items() if model.family == "adversarial"]
CLASSES, COUNT, TICKS = 3, 4, 2
EXTREMES = (1e-3, 100.0)
"""Thresholds of truncation, at one of which all samples are all but the same."""


def pack_of(name: str, config: Any, width: int) -> Pack:
    data = RandomExamples((1, 8, 8), CLASSES)
    return Pack(CATALOG[name], config, data, data, width=width, trace=False)


def trained(name: str) -> Pack:
    """Two trials after some steps."""
    model = CATALOG[name]
    settings = small_settings(model)
    if hasattr(model.config, "critic_iterations"):
        settings["critic_iterations"] = TICKS
    config = model.config(**settings)
    pack = pack_of(name, config, 2)
    for slot in (0, 1):
        pack.load(slot, config, seed=slot, budget_images=10_000)
    pack.run(TICKS)
    return pack


def spec_of(pack: Pack) -> SamplerSpec:
    data = {f.name: getattr(pack.data, f.name) for f in dataclasses.fields(pack.data)}  # type: ignore[arg-type]
    return {
        "model": pack.model.name, "pack": dataclasses.asdict(pack.config), "sampling": {},
        "given": list(getattr(pack.game, "given", ())), "dataset": "random", "data": data,
    }  # fmt: skip


def values_of(pack: Pack) -> list[dict[str, float]]:
    """The trial's own values, and the extremes of each real one that sampling alone sees."""
    real = [one.name for one in sampling_fields(pack.config) if isinstance(one.default, float)]
    return [{}, *({name: value} for name in real for value in _extremes(name))]


def _extremes(name: str) -> tuple[float, float]:
    return EXTREMES if name == "truncation" else (0.0, 1.0)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_stored_lane_draws_the_samples_of_its_trial(name: str, tmp_path: Path) -> None:
    pack, file = trained(name), tmp_path / "lane"
    file.write_bytes(pack.take(1).to_bytes())
    alone = pack_of(name, pack.config, 1)
    alone.put(0, pack.take(1))
    labels = torch.arange(COUNT) % CLASSES
    conditioned = hasattr(pack.game, "given")
    given = {"y": labels} if conditioned else None
    for values in values_of(pack):
        hyper: dict[str, Any] = {**values, "y": labels.tolist()} if conditioned else {**values}
        samples = torch.from_numpy(sample_lane(str(file), spec_of(pack), COUNT, hyper, seed=5))
        expected = alone.sample(COUNT, seed=5, hyper=values, given=given)[0]
        assert torch.equal(samples, expected), values
        packed = pack.sample(COUNT, seed=5, hyper=values, given=given)[1]
        torch.testing.assert_close(packed, expected, rtol=1e-2, atol=1e-2)
        assert bool(samples.isfinite().all())
