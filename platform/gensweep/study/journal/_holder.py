"""Who drives a sweep, in words."""

import os
import socket

from gensweep.errors import UserError


def me() -> str:
    """This process, as another one is told of it."""
    return f"{os.getpid()} on {socket.gethostname()}"


def taken(name: str, holder: str) -> UserError:
    """What a second driver is told."""
    return UserError(
        f"sweep {name!r} is already being run by process {holder or 'unknown'}: wait for it "
        "to end, or stop it first."
    )
