"""Every script in sweeps/ asks for what its model, its data and their metrics can give."""

import dataclasses
import runpy
from pathlib import Path
from typing import Any

import pytest

from gensweep.data import find_source, load_dataset
from gensweep.planning._check_model import check_games, check_metrics
from gensweep.planning._check_target import check_target
from gensweep.spec import RunRequest
from gensweep.storage import open_store

pytestmark = pytest.mark.slow("every variant of every script is checked", minutes=0.3)
SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "sweeps").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_planned(script: Path, tmp_path: Path) -> None:
    names = runpy.run_path(str(script))
    for sweep in names["SWEEPS"].values() if "SWEEPS" in names else [names["SWEEP"]]:
        _check(sweep, tmp_path)


def _check(sweep: Any, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    options = sweep.data_options.keywords()
    check_target(sweep, find_source(sweep.data, **options))
    data = load_dataset(sweep.data, store, split="train", **options)
    check_games(RunRequest(sweep=sweep), data)
    check_metrics(sweep, data)
    larger = dataclasses.replace(sweep, **sweep.cluster)
    assert larger.trials > sweep.trials
    assert larger.budget_images > sweep.budget_images
