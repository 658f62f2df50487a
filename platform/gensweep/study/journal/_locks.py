"""Locks that keep a journal's file in one piece, and a sweep to one driver."""

import os
import re
import socket
from io import FileIO
from pathlib import Path

from optuna.storages.journal._file import BaseJournalFileLock

from gensweep.errors import UserError
from gensweep.files import FileLockedError, cut_torn_line, lock_file

SHARED = 0o666
"""Permissions of a lock, less the umask: whoever may write the journal may lock it."""


class AppendLock(BaseJournalFileLock):
    """Guards appends to a journal.

    Optuna's own lock is a file that a killed writer leaves behind, and everybody then waits 30 s;
    the kernel drops this one with its holder. Under it the journal's torn last line, the trace of
    a write that was cut short, is removed: Optuna would glue the next record to it and never
    read the journal again.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._held: FileIO | None = None

    def acquire(self) -> bool:
        self._held = lock_file(Path(f"{self._journal}.append"), mode=SHARED)
        try:
            cut_torn_line(self._journal)
        except OSError:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


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


def driven_already(name: str, holder: str) -> UserError:
    """Tell a second driver who has the sweep."""
    return UserError(
        f"sweep {name!r} is already being run by process {holder or 'unknown'}: wait for it "
        "to end, or stop it first."
    )
