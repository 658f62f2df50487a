"""A home of a test's own, and sweeps that were begun in its ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gensweep.budget import Budget
from gensweep.objective import Objective
from gensweep.study import Study, StudySpec
from gensweep.sweep import Sweep
from gensweep.trial import TrialState


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home, ledger and working directory below `tmp_path`."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GENSWEEP_DATA", raising=False)
    monkeypatch.setenv("GENSWEEP_LEDGER", str(tmp_path / "studies"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., None]:
    """Puts a sweep into the ledger, with some of its trials begun, or all and some that confirm."""

    def put(sweep: Sweep, leases: int = 0, confirming: int = 0) -> None:
        spec = StudySpec(
            name=sweep.name, space=sweep.space, objective=Objective(metric="coverage_gap"),
            budget=Budget(trials=sweep.trials), budget_images=sweep.budget_images,
            seed=sweep.seed, sampler=sweep.sampler, repeats=sweep.repeats, strata=sweep.strata,
            confirm=sweep.confirmation,
            settings=sweep.identity() | {"data_hash": "0"},
        )  # fmt: skip
        with Study.create(spec, str(tmp_path / "studies")) as study:
            held = [lease for _ in range(leases) for lease in study.lease("somebody", 1)]
            for lease in held if confirming else ():
                end = study.resolve_end(lease, TrialState.COMPLETED, "", {"coverage_gap": 1.0})
                assert end is not None
                study.finish(lease, end, sweep.budget_images)
            for _ in range(confirming):
                study.lease("somebody", 1)

    return put
