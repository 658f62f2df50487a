"""Where the state of a stack lives, and how it is kept."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any


@contextmanager
def choosing_ports() -> Iterator[None]:
    """Only one stack of this user at a time: a port is free until its service listens."""
    file = Path(tempfile.gettempdir()) / f"gensweep-{os.getuid()}.lock"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as lock:
        flock(lock, LOCK_EX)
        yield


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
