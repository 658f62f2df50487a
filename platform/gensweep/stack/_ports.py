"""Chooses the ports that a stack's services listen on."""

import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gensweep.files import lock_file

ABOVE_RAYS_WORKERS = 20_000
"""Ray's workers listen on 10,002 to 19,999."""
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


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
    while True:
        port = random.SystemRandom().choice(_quiet_ports())
        if port not in taken and is_free(port):
            ports[name] = port
            return port


def _quiet_ports() -> range:
    """Return the ports that nobody is given who asks for any.

    A service listens seconds after its port was chosen (Ray's agent after five), and any outgoing
    connection may be given a port of the kernel's range meanwhile. Ray's agent then stays alive
    and takes no job.
    """
    lowest = int(OUTGOING.read_text().split()[0]) if OUTGOING.exists() else 32_768
    quiet = range(ABOVE_RAYS_WORKERS, lowest)
    return quiet if len(quiet) >= 1_000 else range(ABOVE_RAYS_WORKERS, 61_000)
