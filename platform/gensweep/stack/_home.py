"""Where the state of a stack lives, and how it is kept."""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any


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


@contextmanager
def choosing_ports() -> Iterator[None]:
    """Only one stack of this user at a time: a port is free until its service listens."""
    file = Path(tempfile.gettempdir()) / f"gensweep-{os.getuid()}.lock"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as lock:
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


def write_private(file: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    scratch.replace(file)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(state: dict[str, Any], name: str, preferred: int | None = None) -> int:
    """The remembered port if it is still free, then the preferred one, then any other."""
    ports = state.setdefault("ports", {})
    taken = {port for other, port in ports.items() if other != name}
    for port in (ports.get(name), preferred):
        if port and port not in taken and is_free(port):
            ports[name] = port
            return int(port)
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in taken:
            ports[name] = port
            return int(port)
