"""Locks that keep a journal in one piece, and its torn last line."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from optuna.storages.journal._file import BaseJournalFileLock

from gensweep.study.journal._holder import me, taken


class AppendLock(BaseJournalFileLock):
    """Guards appends to a journal.

    Optuna's own lock is a file that a killed writer leaves behind, and everybody then waits 30 s;
    the kernel drops this one with its holder. Under it the journal's torn last line, the trace of
    a write that was cut short, is removed: Optuna would glue the next record to it and never
    read the journal again.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._handle: IO[bytes] | None = None

    def acquire(self) -> bool:
        handle = open(f"{self._journal}.append", "ab")  # noqa: SIM115  (closed by release)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._handle = handle
        try:
            cut_torn_line(self._journal)
        except OSError:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def cut_torn_line(path: Path) -> None:
    """Remove what follows the last line break of a file, if anything does."""
    with open(path, "rb+") as file:
        size = end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if file.read(1) in (b"", b"\n"):
            return
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            cut = file.read(end - start).rfind(b"\n")
            if cut >= 0:
                end = start + cut + 1
                break
            end = start
        if end < size:
            file.truncate(end)


@contextlib.contextmanager
def _file_lock(path: Path, name: str) -> Iterator[None]:
    slug = re.sub(r"[^\w.-]", "_", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.{slug}.lock", "a+", encoding="utf-8") as handle:
        _lock(handle, name)
        yield


def _lock(handle: IO[str], name: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        raise taken(name, handle.read().strip()) from error
    handle.truncate(0)
    handle.write(me())
    handle.flush()
