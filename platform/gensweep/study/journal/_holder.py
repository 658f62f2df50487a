"""Who drives a sweep, in words."""

import os
import socket

from gensweep.errors import UserError


def me() -> str:
    """Name this process for another one that it keeps waiting."""
    return f"{os.getpid()} on {socket.gethostname()}"


def taken(name: str, holder: str) -> UserError:
    """Tell a second driver who has the sweep."""
    return UserError(
        f"sweep {name!r} is already being run by process {holder or 'unknown'}: wait for it "
        "to end, or stop it first."
    )
