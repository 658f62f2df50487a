"""Presets of entries fit their configurations, and the tables of what they reach have each."""

import re
from pathlib import Path

import pytest

from gensweep.spec import Sweep
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"digits": (1, 8, 8), "cifar10": (3, 32, 32), "mnist": (1, 28, 28)}
TABLES = ("QUALITY.md", "MNIST.md")
WITHOUT = {"bilinear", "dirac_gan"}
"""Games without samples to judge."""


@pytest.mark.parametrize(("data", "name"), [(d, name) for d in PRESETS for name in PRESETS[d]])
def test_a_preset_makes_a_game_of_its_data(data: str, name: str) -> None:
    model = CATALOG[name]
    preset = model.presets[data]
    config = model.config(**preset.settings)
    game = model.game(config, RandomExamples(SHAPES[data], 10))
    assert preset.images > config.batch_size
    assert all(list(player.build().parameters()) for player in game.players.values())


def test_the_tables_have_every_preset_and_every_entry_with_samples_has_one() -> None:
    tables = "".join((ROOT / "models" / name).read_text() for name in TABLES)
    assert re.findall(r"^\| `(\w+)`", tables, re.M) == [
        name for one in PRESETS.values() for name in one
    ]
    assert set(CATALOG) - WITHOUT == set(PRESETS["digits"])


def test_a_preset_is_where_a_sweep_begins() -> None:
    model = CATALOG["wgan_gp"]
    fixed = model.presets["digits"].fixed(model.space)
    sweep = Sweep(name="near", model=model, space=model.space, fixed=fixed)
    assert "learning_rate" in model.presets["digits"].settings
    assert "learning_rate" not in fixed
    assert sweep.config({}).hidden == 64 != model.config().hidden
