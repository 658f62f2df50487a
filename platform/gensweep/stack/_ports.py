"""Chooses the ports that a stack's services listen on."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gensweep.files import lock_file


@contextmanager
def choosing_ports() -> Iterator[None]:
    """Let one stack of this user at a time choose ports and start to listen on them.

    Until its service listens, a chosen port looks free to another stack.
    """
    with lock_file(Path(tempfile.gettempdir()) / f"gensweep-{os.getuid()}.lock"):
        yield


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(state: dict[str, Any], name: str, preferred: int | None = None) -> int:
    """Choose a port for the service `name`, and remember it in `state["ports"]`.

    The remembered port if it is still free, or else the preferred one, or else any other.
    """
    ports = state.setdefault("ports", {})
    taken = {port for other, port in ports.items() if other != name}
    for port in (ports.get(name), preferred):
        if port and port not in taken and is_free(port):
            ports[name] = port
            return int(port)
    # The kernel may give a free port that is another service's, which is not up at the moment.
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in taken:
            ports[name] = port
            return int(port)
