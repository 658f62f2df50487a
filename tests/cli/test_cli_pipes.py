"""Every command in a pipe that closes, on a narrow terminal, and completed by a shell."""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from ended_sweep import ended, point_here
from gensweep.cli import _main, main
from gensweep.cli._main import COMMANDS

ROOT = Path(__file__).parents[2]
TABLES = ["list", "results s", "best s", "compare s t", "watch s", "models", "models gan", "status"]
OTHERS = [
    "--help", "report --help", "list --json", "list --names", "results s --json", "best s --json",
    "report s", "report s --format md", "report s --format json", "compare s t --json",
    "export s --out one.toml", "export s --json", "watch s --json", "report s --json", "doctor",
    "models gan --json", "check gan --shape 2 --set hidden=8", "completion bash", "completion zsh",
    "delete s --yes", "down",
]  # fmt: skip
UNSEEN = {"demo", "up", "features", "sample", "retrain"}
"""They start servers, or train."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two sweeps that have ended, and a tracker."""
    folder = tmp_path_factory.mktemp("ready")
    for name in ("s", "t"):
        ended(folder, name)
    MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder


@pytest.fixture(autouse=True)
def home(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Their copy."""
    folder = tmp_path / "home"
    shutil.copytree(ready, folder)
    point_here(folder, monkeypatch)
    return folder


def parsers() -> dict[str, argparse.ArgumentParser]:
    found = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS:
        command.add_parser(found)
    return dict(found.choices)


def test_every_command_is_seen_here() -> None:
    seen = {words.split()[0] for words in [*TABLES, *OTHERS]} - {"--help"}
    assert seen | UNSEEN == set(parsers())


def cut_short(words: str, errors: Path) -> tuple[int, str]:
    """Status and stderr of a command whose reader leaves before the first byte, in a fork."""
    reading, writing = os.pipe()
    os.close(reading)
    child = os.fork()
    if not child:
        status = 120  # that of a Python that cannot flush at its end
        try:
            os.dup2(writing, 1)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), errors.open("w")  # noqa: SIM115
            status = main(words.split())
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, errors.read_text()


@pytest.mark.parametrize("words", [*TABLES, *OTHERS])
def test_a_reader_that_leaves_ends_every_command_quietly(words: str, home: Path) -> None:
    """So that even a short answer finds nobody."""
    assert cut_short(words, home / "errors") == (141, "")


def test_a_process_ends_as_quietly() -> None:
    """Python itself flushes once more at its end."""
    code = "import sys; from gensweep.cli import main; sys.exit(main())"
    paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code, "results", "s", "--json"], stdout=writing,
                          stderr=subprocess.PIPE, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": paths})  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", TABLES)
def test_a_narrow_terminal_gets_narrow_tables(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "44")
    assert main(words.split()) in (0, 1)
    said = capsys.readouterr().out
    tables = [block for block in said.split("\n\n") if re.search("^[- ]+$", block, re.M)]
    assert max((len(line) for table in tables for line in table.splitlines()), default=0) <= 44
    assert (
        tables or words.split(maxsplit=1)[0] in ("best", "watch", "status") or words == "models gan"
    )


def complete(line: str, env: dict[str, str]) -> list[str]:
    """Ask bash what it would put at the end of a line."""
    words = " ".join(f"'{word}'" for word in line.split(" "))
    script = (
        'eval "$SCRIPT"\n'
        f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
        '_gensweep; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                          env=os.environ | env)  # fmt: skip
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_sweeps(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    program = home / "bin" / "gensweep"  # which the script calls for names
    program.parent.mkdir()
    code = "import sys; from gensweep.cli import main; sys.exit(main())"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    env = {
        "SCRIPT": script,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("platform", "models")),
    }
    assert complete("gensweep re", env) == ["results", "report", "retrain"]
    assert complete("gensweep report --format ", env) == ["html", "md", "json"]
    assert complete("gensweep completion ", env) == ["bash", "zsh"]
    assert complete("gensweep compare s ", env) == ["s", "t"]
    assert complete("gensweep report --out ", env) == []  # then the shell names files
    for name, parser in parsers().items():
        options = {option for action in parser._actions for option in action.option_strings}
        assert set(complete(f"gensweep {name} -", env)) == options


def test_zsh_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert main(["completion", "zsh"]) == 0
    told = capsys.readouterr().out
    assert told.endswith(script)
    assert told.startswith("autoload -U +X compinit")


def test_a_broken_connection_is_no_reader_that_left(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(args: argparse.Namespace) -> int:
        here, there = socket.socketpair()
        there.close()
        with here:
            return here.send(b"to nobody")

    def add_parser(found: Any) -> None:
        found.add_parser("send").set_defaults(run=send)

    monkeypatch.setattr(_main, "COMMANDS", (SimpleNamespace(add_parser=add_parser),))
    with pytest.raises(BrokenPipeError):
        main(["send"])
