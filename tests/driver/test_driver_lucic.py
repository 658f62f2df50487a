"""The study of eight models runs whole at its smallest scale, and once more without training."""

import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Page

from browser import photograph
from gensweep.study import SweepSnapshot, list_sweeps
from gensweep.trial import TrialRecord, TrialState
from script_modules import SWEEPS, load_script

NAME = "whole"
pytestmark = [
    pytest.mark.stack,
    pytest.mark.nightly,
    pytest.mark.slow("sixteen sweeps on a stack", minutes=10),
    pytest.mark.timeout(3600),
]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_script("lucic", monkeypatch)


def study(stack: Any, folder: Path) -> str:
    """What the script prints."""
    argv = [sys.executable, str(SWEEPS / "lucic.py"), "--scale", "smoke", "--name", NAME]
    done = subprocess.run(argv, env=stack.env, cwd=folder, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def sweeps_of(stack: Any) -> dict[str, SweepSnapshot]:
    """What the ledger has of the study, by phase and model."""
    known = list_sweeps(str(stack.home / "studies"))
    return {one.name.removeprefix(f"{NAME}-smoke-"): one for one in known
            if one.name.startswith(NAME)}  # fmt: skip


def rows_in(page: Page) -> dict[str, list[str]]:
    """The cells of the comparison's table, by model."""
    table = page.locator("section", has_text="Are GANs created equal?").locator("tbody").first
    rows = table.locator("tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return {model: cells for model, *cells in rows}


def lines_in(page: Page, title: str) -> dict[str, list[float]]:
    """The coordinates of the points of each line in the charts of a title."""
    found = page.locator(f"svg[aria-label='{title}'] polyline").evaluate_all(
        "lines => lines.map(line => [line.textContent, line.getAttribute('points')])"
    )
    return {name: [float(x) for x in re.split("[ ,]", points) if x] for name, points in found}


def completed(trials: Sequence[TrialRecord]) -> list[float]:
    """What they are compared by, of those that were completed."""
    return [one.metrics["frechet"] for one in trials if one.state is TrialState.COMPLETED]


def test_all_eight_models_are_compared_and_nothing_is_trained_twice(
    stack: Any, script: ModuleType, tmp_path: Path, page: Page
) -> None:
    table = "model    best of wide"
    first = study(stack, tmp_path).partition(table)[2]
    sweeps, report = sweeps_of(stack), tmp_path / f"{NAME}-smoke.html"
    assert set(sweeps) == set(script.KEYS)
    written = report.read_bytes()
    photograph(page, report, "report-of-lucic")
    rows = rows_in(page)
    assert list(rows) == list(script.MODELS)
    for model, (best, seeds, fresh, narrow, *_) in rows.items():
        wide = sweeps[f"wide-{model}"].records
        searched = completed([one for one in wide if not one.confirm_round])
        confirmed = completed([one for one in wide if one.confirm_round])
        assert best == (f"{min(searched):.4g}" if searched else "")
        assert fresh == f"{len(confirmed)} of {2 if searched else 0}"
        assert not confirmed or math.isfinite(float(seeds.partition(" ±")[0]))
        found = completed(sweeps[f"narrow-{model}"].records)
        assert narrow == (f"{min(found):.4g}" if found else "")
    assert sorted(row[5] for row in rows.values() if row[5])[:3] == ["1", "2", "3"]
    for phase in script.PHASES:
        lines = lines_in(page, f"Budget: best of k, {phase} ranges")
        assert set(lines) == set(script.MODELS)
        for model, points in lines.items():
            assert len(points) == (4 if rows[model][0 if phase == "wide" else 3] else 0)
            assert all(map(math.isfinite, points))
    second = study(stack, tmp_path)
    assert second.partition(table) == ("", table, first)
    assert sweeps_of(stack) == sweeps
    assert report.read_bytes() == written
