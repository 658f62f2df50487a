"""The `.gensweep` folder of a project."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from gensweep.files import write_private


@dataclass(frozen=True)
class Home:
    """The `.gensweep` folder of a project."""

    path: Path

    @property
    def project(self) -> Path:
        return self.path.parent

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    def log(self, service: str) -> Path:
        return self.path / "logs" / f"{service}.log"

    def load(self) -> dict[str, Any]:
        """The remembered state, `{}` before the first `up`."""
        file = self.path / "stack.json"
        state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return state

    def save(self, state: dict[str, Any]) -> None:
        write_private(self.path / "stack.json", json.dumps(state, indent=2) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one `up` or `down` of a checkout at a time."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.path / "logs").mkdir(exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield


def find_home(start: Path | None = None) -> Home:
    """`$GENSWEEP_HOME`, or `.gensweep` in the nearest folder that has one or a pyproject.toml."""
    if override := os.environ.get("GENSWEEP_HOME"):
        return Home(Path(override).resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / ".gensweep").is_dir() or (folder / "pyproject.toml").is_file():
            return Home(folder / ".gensweep")
    return Home(here / ".gensweep")
