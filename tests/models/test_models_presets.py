"""Presets of entries fit their configurations, and the tables of what they reach have each."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
MADE = runpy.run_path(str(ROOT / "tests/benchmarks/entry_presets.py"))
TABLES: dict[str, dict[str, Any]] = MADE["TABLES"]
SHAPES = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}
WITHOUT = {"bilinear", "dirac_gan"}
"""Games without samples to judge."""


@pytest.mark.parametrize(("data", "name"), [(d, name) for d in TABLES for name in TABLES[d]])
def test_a_preset_makes_a_game_of_its_data(data: str, name: str) -> None:
    preset, model = MADE["preset_of"](name, data), CATALOG[name]
    config = model.config(**preset.settings)
    game = model.game(config, RandomExamples(SHAPES[data], 10))
    assert preset.images > config.batch_size
    assert all(list(player.build().parameters()) for player in game.players.values())


def test_the_tables_have_every_preset_and_every_adversarial_entry_has_one() -> None:
    table = (ROOT / "models" / "QUALITY.md").read_text()
    assert re.findall(r"^\| `(\w+)`", table, re.M) == [
        name for one in TABLES.values() for name in one
    ]
    adversarial = {name for name, model in CATALOG.items() if model.family == "adversarial"}
    assert adversarial - WITHOUT <= set(TABLES["digits"])
