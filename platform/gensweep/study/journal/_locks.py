"""Locks that keep a journal's file in one piece."""

import re
from io import FileIO
from pathlib import Path

from optuna.storages.journal._file import BaseJournalFileLock

from gensweep.files import FileLockedError, cut_torn_line, lock_file
from gensweep.study.journal._holder import me, taken

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
        return lock_file(Path(f"{journal}.{slug}.lock"), wait=False, holder=me(), mode=SHARED)
    except FileLockedError as error:
        raise taken(name, error.holder) from error
