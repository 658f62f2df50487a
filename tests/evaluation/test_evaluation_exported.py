"""A stored trial of every entry samples, at any value of its sampling fields, as in its pack."""

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

CLASSES, COUNT, TICKS = 3, 4, 2
SLOW = pytest.mark.slow("samplers of many steps, at each end of their grids", minutes=0.3)
ENTRIES = [
    pytest.param(name, marks=[SLOW] if model.family in ("diffusion", "discrete") else [])
    for name, model in CATALOG.items()
]
EXTREMES: dict[str, tuple[float, float]] = {"truncation": (1e-3, 100.0), "psi": (0.0, 1.0)}
"""Values of a field beyond its grid, at one of which all samples are all but the same."""


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
    """The trial's own values, and the extremes of each that samples have along a grid."""
    fields = [one for one in sampling_fields(pack.config) if one.grid]
    ends = {one.name: EXTREMES.get(one.name, (one.grid[0], one.grid[-1])) for one in fields}
    return [{}, *({name: value} for name, pair in ends.items() for value in pair)]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_stored_lane_draws_the_samples_of_its_trial(name: str, tmp_path: Path) -> None:
    pack, file = trained(name), tmp_path / "lane"
    file.write_bytes(pack.take(1).to_bytes())
    alone = pack_of(name, pack.config, 1)
    alone.put(0, pack.take(1))
    examples = pack.source.gather(torch.arange(COUNT))
    given = {one: examples[one] for one in getattr(pack.game, "given", ())} or None
    for values in values_of(pack):
        samples = torch.from_numpy(
            sample_lane(str(file), spec_of(pack), COUNT, values, seed=5, examples=examples)
        )
        expected = alone.sample(COUNT, seed=5, hyper=values, given=given)[0]
        assert torch.equal(samples, expected), values
        packed = pack.sample(COUNT, seed=5, hyper=values, given=given)[1]
        torch.testing.assert_close(packed, expected, rtol=1e-2, atol=1e-2)
        assert bool(samples.isfinite().all())
