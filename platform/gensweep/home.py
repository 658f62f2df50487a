"""The home of a project: its `.gensweep` folder, which holds what this machine keeps of it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.files import lock_file, write_atomically

HOME_NAME = ".gensweep"
"""Of the folder in a project, unless GENSWEEP_HOME names another."""


@dataclass(frozen=True)
class Home:
    """Paths in the `.gensweep` folder of a project, and the remembered state of its stack."""

    path: Path

    @property
    def project(self) -> Path:
        """Folder of the project itself."""
        return self.path.parent

    @property
    def env_file(self) -> Path:
        """File of shell exports that point a process at the stack."""
        return self.path / "env"

    def spool(self, sweep: str) -> Path:
        """Locate what a sweep's processes keep here beside the ledger; it goes with the sweep."""
        return self.path / "spool" / sweep

    def log(self, service: str) -> Path:
        """Locate the log of one of the stack's services."""
        return self.path / "logs" / f"{service}.log"

    def load(self) -> dict[str, Any]:
        """Read the state of the stack; `{}` before the first `up`."""
        file = self.path / "stack.json"
        state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state of the stack, which holds keys, for its owner alone."""
        write_atomically(self.path / "stack.json", json.dumps(state, indent=2) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for any other `up` or `down` of this project, and keep others out meanwhile.

        `UserError` if the home cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "logs").mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.path} cannot be made ({error.strerror}): work in a folder of "
                            "your own, or set GENSWEEP_HOME.") from error  # fmt: skip
        with lock_file(self.path / "lock"):
            yield


def find_home(start: Path | None = None) -> Home:
    """Find the home of the project around `start`, by default the current folder.

    That is `$GENSWEEP_HOME` if it is set, or else `.gensweep` in the project around. Nothing is
    made.
    """
    if override := os.environ.get("GENSWEEP_HOME"):
        return Home(Path(override).resolve())
    return Home(project_around(start or Path.cwd()) / HOME_NAME)


def project_around(start: Path) -> Path:
    """Find the nearest folder from `start` upwards that has a home or a pyproject.toml.

    `start` itself, if there is none.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / HOME_NAME).is_dir() or (folder / "pyproject.toml").is_file():
            return folder
    return here
