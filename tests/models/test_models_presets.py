"""Presets of entries fit their configurations, and the table of what they reach has each."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
PRESETS: dict[str, Any] = runpy.run_path(str(ROOT / "tests/benchmarks/entry_presets.py"))["PRESETS"]
WITHOUT = {"bilinear", "dirac_gan", "began"}
"""Games without samples to judge, and the entry that converges under no settings so far."""


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_makes_a_game_of_the_digits(name: str) -> None:
    preset, model = PRESETS[name], CATALOG[name]
    config = model.config(**preset.settings)
    game = model.game(config, RandomExamples((1, 8, 8), 10))
    assert preset.images > config.batch_size
    assert all(list(player.build().parameters()) for player in game.players.values())


def test_the_table_has_every_preset_and_every_adversarial_entry_has_one() -> None:
    table = (ROOT / "models" / "QUALITY.md").read_text()
    assert re.findall(r"^\| `(\w+)`", table, re.M) == list(PRESETS)
    adversarial = {name for name, model in CATALOG.items() if model.family == "adversarial"}
    assert adversarial - WITHOUT <= set(PRESETS)
