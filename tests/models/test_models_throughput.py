"""The table of what packs gain has every adversarial entry, and none is slower than alone."""

import re
from pathlib import Path

import pytest

from gensweep_models.catalog import CATALOG

TABLE = (Path(__file__).resolve().parents[2] / "models" / "THROUGHPUT.md").read_text()
ROWS = [(name, [float(one) for one in row.split("|")])
        for name, row in re.findall(r"^\| `(\w+)` \|(.*) \|$", TABLE, re.M)]  # fmt: skip
WIDTHS = (1, 2, 4, 8)


def test_the_table_has_every_adversarial_entry() -> None:
    adversarial = [name for name, model in CATALOG.items() if model.family == "adversarial"]
    assert [name for name, _ in ROWS][: len(adversarial)] == adversarial


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_best_width_is_as_fast_as_alone(name: str, row: list[float]) -> None:
    bare, *paces, width, gain = row
    best = min(paces)
    assert dict(zip(WIDTHS, paces, strict=True))[int(width)] == best
    assert gain == pytest.approx(min(bare, paces[0]) / best, rel=0.02)
    assert gain >= 1
