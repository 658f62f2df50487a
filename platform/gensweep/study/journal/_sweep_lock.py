"""The lock that keeps a sweep to one driver."""

import os
import re
import socket
from io import FileIO
from pathlib import Path

from gensweep.errors import UserError
from gensweep.files import FileLockedError, lock_file

SHARED = 0o666
"""Permissions of a lock, less the umask: whoever may write the journal may lock it."""


def lock_sweep(journal: Path, name: str) -> FileIO:
    """Take the right to drive sweep `name` of a journal, until the result is closed.

    Raises `UserError`, which tells who has it, if another driver does.
    """
    slug = re.sub(r"[^\w.-]", "_", name)
    journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        path = Path(f"{journal}.{slug}.lock")
        return lock_file(path, wait=False, holder=this_process(), mode=SHARED)
    except FileLockedError as error:
        raise driven_already(name, error.holder) from error


def this_process() -> str:
    """Name this process for another one that it keeps waiting."""
    return f"{os.getpid()} on {socket.gethostname()}"


class DrivenAlreadyError(UserError):
    """Another process is the sweep's only writer."""


def driven_already(name: str, holder: str) -> DrivenAlreadyError:
    """Tell a second driver who has the sweep."""
    return DrivenAlreadyError(
        f"sweep {name!r} is already being run by process {holder or 'unknown'}: wait for it "
        "to end, or stop it first."
    )
