"""Ctrl-C ends every command with status 130, without a word: a real signal to a real process."""

import argparse
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ended_sweep import point_here
from gensweep.cli._main import COMMANDS

ROOT = Path(__file__).parents[2]
LEDGER = ["list", "watch s", "results s", "best s", "report s", "compare s t", "export s",
          "sample s", "retrain s", "delete s --yes"]  # fmt: skip
"""They read the ledger."""
IMPORTING = {
    "--version": "gensweep.cli._main", "list --help": "gensweep.errors", "results s": "optuna",
    "models gan": "gensweep_models.catalog", "models": "gensweep_models.variational",
    "check gan --shape 2": "numpy.linalg", "features digits": "safetensors",
    "completion bash": "gensweep.cli._completion", "status": "gensweep.stack",
    "doctor": "gensweep.stack", "up": "gensweep.stack", "down": "gensweep.stack",
    "demo": "gensweep.stack",
}  # fmt: skip
"""Command to the module at whose import it is interrupted."""
INTERRUPTED = """
import os, signal, sys
awaited = {sys.argv.pop(1)}
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in awaited:
            awaited.clear()
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from gensweep.cli import main
sys.exit(main())
"""
COMMAND = "import sys; from gensweep.cli import main; sys.exit(main())"
QUIETLY = (130, "", "")
pytestmark = pytest.mark.slow("a process for each command", minutes=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    return tmp_path


def start(code: str, *words: str, **env: str) -> "subprocess.Popen[str]":
    """A process group of its own, as of a terminal's foreground."""
    paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=os.environ | {"PYTHONPATH": paths} | env,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its status and what it wrote, once it ended; it is killed if it does not."""
    try:
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, errors


@pytest.mark.parametrize("words", LEDGER)
def test_a_command_that_waits_for_its_ledger(words: str) -> None:
    """PostgreSQL's port is open, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"postgresql+psycopg://u:p@127.0.0.1:{server.getsockname()[1]}/ledger"
        process = start(COMMAND, *words.split(), GENSWEEP_LEDGER=url)
        connection, _ = server.accept()
        with connection:
            os.killpg(process.pid, signal.SIGINT)
            assert end(process) == QUIETLY


@pytest.mark.parametrize("words", IMPORTING)
def test_a_command_that_is_being_imported(words: str) -> None:
    """Or what it needs: torch, of which the C code drops errors, and classes in the making."""
    assert end(start(INTERRUPTED, IMPORTING[words], *words.split())) == QUIETLY


def test_every_command_is_interrupted_here() -> None:
    parsers = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS:
        command.add_parser(parsers)
    seen = {words.split()[0] for words in (*LEDGER, *IMPORTING)} - {"--version"}
    assert seen == set(parsers.choices)


def test_an_interrupt_that_python_wraps_is_no_broken_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 3.12 what a class in the making raises becomes a `RuntimeError`."""
    (tmp_path / "mine-1.dist-info").mkdir()
    (tmp_path / "mine-1.dist-info" / "METADATA").write_text("Name: mine\nVersion: 1\n")
    (tmp_path / "mine-1.dist-info" / "entry_points.txt").write_text(
        "[gensweep.models]\nmine = mine:CATALOG\n"
    )
    (tmp_path / "mine.py").write_text(
        "import os, signal\nclass Field:\n    def __set_name__(self, owner, name):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\nclass Config:\n    field = Field()\n"
    )
    paths = os.pathsep.join([*(str(ROOT / name) for name in ("platform", "models")), str(tmp_path)])
    assert end(start(COMMAND, "models", PYTHONPATH=paths)) == QUIETLY
