"""The folder of a project is found, and jobs run in it."""

from pathlib import Path

import pytest

from gensweep.home import Home, find_home
from gensweep.stack._services import jobs_folder


def test_the_home_is_that_of_the_project_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENSWEEP_HOME", raising=False)
    inner = tmp_path / "checkout" / "sweeps"
    inner.mkdir(parents=True)
    assert find_home(inner) == Home(inner / ".gensweep")
    (tmp_path / "checkout" / "pyproject.toml").touch()
    assert find_home(inner) == Home(tmp_path / "checkout" / ".gensweep")
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "other"))
    assert find_home(inner) == Home(tmp_path / "other")


def test_jobs_run_in_the_project_wherever_its_home_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that a user names from the checkout is there."""
    checkout = tmp_path / "checkout"
    (checkout / "sweeps").mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    monkeypatch.chdir(checkout / "sweeps")
    assert jobs_folder(Home(tmp_path / "disk" / "gensweep")) == checkout
    assert jobs_folder(Home(checkout / ".gensweep")) == checkout
    monkeypatch.chdir(tmp_path)
    assert jobs_folder(Home(checkout / ".gensweep")) == checkout
