"""Joins and leaves the Ray cluster that a sweep runs on."""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress

from gensweep.errors import UserError

CONNECT_TIMEOUT_S = 4.0


def connect() -> None:
    """Join the cluster that RAY_ADDRESS names or that runs here; `UserError` if there is none.

    From then on a SIGTERM ends the main thread as Ctrl-C does, with `KeyboardInterrupt`.
    """
    import ray

    if ray.is_initialized():
        return
    address = os.environ.get("RAY_ADDRESS", "auto")
    _check_listens(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers ({str(error).splitlines()[0][:120]}): "
            "start one with `gensweep up`, or set RAY_ADDRESS."
        ) from None
    if threading.current_thread() is threading.main_thread():  # Ray's own handler dumps its stack
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def disconnect() -> None:
    """Leave the cluster, if it was joined, before the last words of a process that ends.

    Ray's core is not heard meanwhile: it writes errors of its own to the terminal about each task
    that is given up. Whatever goes wrong here costs nothing, least of all those words.
    """
    if "ray" not in sys.modules:
        return
    import ray

    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with suppress(Exception, KeyboardInterrupt):
            ray.shutdown()
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _check_listens(address: str) -> None:
    """`UserError` if nothing listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit() and (reason := unreachable_reason(host, int(port))):
        raise UserError(
            f"no Ray cluster answers at {address} ({reason}): "
            "start one with `gensweep up`, or set RAY_ADDRESS."
        )


def unreachable_reason(host: str, port: int) -> str:
    """Return why nothing answers at `host:port`; empty if something does, or if one is not
    known."""
    if not host or not port:
        return ""
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""
