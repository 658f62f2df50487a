"""Rows of the tables of modes make games of their data, and models/MODES.md has each."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests/benchmarks/mode_rows.py"
SHAPES = {"ring8": (2,), "grid25": (2,), "stacked_mnist": (3, 28, 28)}


def rows() -> dict[str, dict[str, Any]]:
    """Read the tables from the file of the benchmark."""
    found: dict[str, dict[str, Any]] = runpy.run_path(str(FILE))["ROWS"]
    return found


CASES = [(data, name) for data, table in rows().items() for name in table]


@pytest.mark.parametrize(("data", "name"), CASES)
def test_a_row_makes_a_game_of_its_data(data: str, name: str) -> None:
    row = rows()[data][name]
    model = CATALOG[row.entry]
    config = model.config(**row.settings)
    game = model.game(config, RandomExamples(SHAPES[data], 0))
    assert row.images > config.batch_size
    assert all(list(player.build().parameters()) for player in game.players.values())


def test_the_tables_have_every_row_with_the_figures_of_its_paper() -> None:
    lines = (ROOT / "models" / "MODES.md").read_text().splitlines()
    told = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| [a-z]", line)]
    told = [cells for cells in told if cells[0] != "system"]
    known = [(name, row.paper) for table in rows().values() for name, row in table.items()]
    assert [(cells[0], cells[-4]) for cells in told] == known
