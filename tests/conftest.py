"""Shared fixtures: an embedded stack of the test session's own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOTS = [str(ROOT / name) for name in ("platform", "models")]


@dataclass(frozen=True)
class Stack:
    home: Path
    env: dict[str, str]
    run: Callable[..., "subprocess.CompletedProcess[str]"]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack in a temporary checkout, with ports and a token of its own."""
    home = tmp_path_factory.mktemp("stack") / ".gensweep"
    for name in ("sweeps", ".gitignore"):
        (home.parent / name).symlink_to(ROOT / name)
    mine = {
        "GENSWEEP_HOME": str(home),
        "RAY_AUTH_TOKEN_PATH": str(home.parent / "token"),
        "PYTHONPATH": os.pathsep.join(ROOTS),
    }
    foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")
    base = {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | mine

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        code = "import sys; from gensweep.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *args],
            env=base,
            cwd=home.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    try:
        done = run("up")
        assert done.returncode == 0, done.stderr
        from gensweep.stack import Home, load_env

        yield Stack(home, base | load_env(Home(home)), run)
    finally:
        run("down")
