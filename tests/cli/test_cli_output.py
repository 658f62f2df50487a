"""What commands print: whole tables where no terminal limits them, and an end when nobody reads."""

import argparse
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gensweep.budget import Budget
from gensweep.cli import main
from gensweep.cli._main import COMMANDS
from gensweep.cli._sample import ENDINGS
from gensweep.home import Home
from gensweep.objective import Objective
from gensweep.study import Study, StudySpec
from gensweep.sweep import Sweep, describe
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).parents[2]
GAN = CATALOG["gan"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the ledger of a sweep, of which one of eight trials has begun."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    for name in ("GENSWEEP_STORE", "GENSWEEP_LEDGER", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    begin(tmp_path, "begun")
    return tmp_path


def begin(home: Path, name: str, model: str = "gan", failed_of: str = "") -> None:
    sweep = Sweep(name="s", model=dataclasses.replace(GAN, name=model), space=GAN.space, trials=10)
    spec = StudySpec(
        name=name, space=sweep.space, objective=Objective(metric="frechet"),
        budget=Budget(trials=8), budget_images=sweep.budget_images, settings=sweep.identity(),
        strata=sweep.strata,
    )  # fmt: skip
    with Study.create(spec, str(home / "studies")) as study:
        study.lease("somebody", 1)
        for _ in range(3 if failed_of else 0):
            study.fail_owner("somebody", failed_of)
            study.lease("somebody", 1)


def test_trials_that_never_began_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "1 waiting, 7 not begun" in capsys.readouterr().out


def test_models_are_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    rows = {line.split()[0]: line for line in told.splitlines() if line}
    assert all(describe(model)["summary"] in rows[name] for name, model in CATALOG.items())
    assert rows["biggan"].split()[:3] == ["biggan", "adversarial", "y"]
    assert "…" not in told


def test_models_are_cut_to_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["models"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) == 60


@pytest.mark.parametrize(
    ("name", "message"),
    [("begin", "unknown sweep 'begin': the known ones are begun, own."),
     ("own", "sweep 'own' registered no model: no installed catalogue has 'my_lsgan'.")],
)  # fmt: skip
def test_a_sweep_that_has_no_sampler_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    begin(home, "own", "my_lsgan")
    assert main(["sample", name]) == 2
    assert message in capsys.readouterr().err


def test_a_sample_without_its_server_is_told_in_a_line(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert main(["sample", "begun"]) == 2
    told = capsys.readouterr().err.strip()
    assert "\n" not in told
    assert "MLflow at http://127.0.0.1:9 refuses" in told
    assert "`gensweep status`" in told


@pytest.mark.parametrize(
    "argv",
    [["list"], ["list", "--names"], ["watch"], ["results"], ["best"], ["report", "--format", "md"]],
)
def test_no_code_of_a_ledger_reaches_the_terminal(
    home: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    name = "wiped\x1b[2J"
    begin(home, name, "my\x07gan", failed_of="\x1b[31m red")
    main(argv if argv[0] == "list" else [*argv, name])
    told = capsys.readouterr()
    assert "\\x1b[2J" in told.out + told.err or "red" in told.out
    assert all(line.isprintable() for line in (told.out + told.err).split("\n"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_option_says_what_it_does(command: Any) -> None:
    parsers = argparse.ArgumentParser().add_subparsers()
    command.add_parser(parsers)
    (parser,) = parsers.choices.values()
    assert [action.dest for action in parser._actions if not action.help] == []


def test_lists_as_json_keep_to_what_the_ledger_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    (sweep,) = json.loads(capsys.readouterr().out)
    assert (sweep["trials"], sweep["states"]) == (8, {"queued": 1})


def test_what_commands_write_beside_the_checkouts_files_is_no_change_of_it() -> None:
    """Where no option says another place; the README says `reference`."""
    drawn = [f"vae-mnist-{what}{ending}" for what in ENDINGS for ending in ENDINGS[what]]
    exported = "vae-20261201-063027-711-12.toml"
    written = [*drawn, exported, "features.safetensors", "reference/index.html", "data/mnist/a.gz"]
    argv = ["git", "-C", str(ROOT), "check-ignore", *written]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.stdout.splitlines() == written


def test_a_home_without_a_stack_says_how_to_start_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 1
    assert capsys.readouterr().out == f"nothing runs in {home}: `gensweep up` starts a stack.\n"


def test_a_stack_that_is_down_says_how_to_start_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Home(home).save({"id": "none-of-these", "store": "files", "services": {}, "ports": {}})
    assert main(["status"]) == 1
    *services, _, last = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in services] == [
        ["mlflow", "DOWN"], ["ray", "DOWN"], ["resumer", "DOWN"],
    ]  # fmt: skip
    assert last == "`gensweep up` starts what is down."


def test_a_home_without_sweeps_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    monkeypatch.setenv("GENSWEEP_HOME", str(empty))
    assert main(["list"]) == 0
    assert capsys.readouterr().out == f"no sweep yet in {empty}/studies: `make sweep` runs one.\n"
    assert main(["best", "s"]) == 2
    assert f"there is none yet in {empty}/studies" in capsys.readouterr().err


def test_the_readme_has_a_line_for_every_command() -> None:
    parsers = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS:
        command.add_parser(parsers)
    rows = re.findall(r"^\| (`gensweep .*?`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = [word.split() for row in rows for word in re.findall("`(.*?)`", row)]
    names = [words[1] if words[0] == "gensweep" else words[0] for words in told]
    assert sorted(names) == sorted(parsers.choices)
