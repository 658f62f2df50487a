"""`gensweep demo` refuses in a line what it cannot do; tests/stack/test_stack_down.py runs it."""

import sys
from pathlib import Path

import pytest

from gensweep.cli import main
from gensweep.cli._demo import SMALL, find_script
from gensweep.planning import parse_request
from gensweep.stack import status
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG


def test_without_swift_it_says_what_brings_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an environment that was installed without the extra: nothing is started."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert main(["demo"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: Swift, the object store, is not installed beside ")
    assert last.endswith("pip install 'gensweep[embedded]', or use `--store files`.")
    assert status()["services"] == {}


def test_a_home_that_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "file" / "home"))
    assert main(["demo"]) == 2
    told = f"error: {tmp_path}/file/home cannot be made (Not a directory): work in a folder of"
    assert told in capsys.readouterr().err


def test_its_size_is_one_that_the_main_job_takes() -> None:
    assert find_script().name == "gan_stability.py"
    sweep = Sweep(name="s", model=CATALOG["gan"], space=CATALOG["gan"].space)
    small = parse_request("", sweep, list(SMALL)).sweep
    assert (small.trials, small.budget_images) == (15, 60_000)
