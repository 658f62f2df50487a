"""Where a study is kept, and the locks that keep it in one piece."""

import contextlib
import fcntl
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal._file import BaseJournalFileLock

from gensweep.errors import UserError
from gensweep.study._driver import me, taken
from gensweep.study._journal import FileLog, Log


@contextlib.contextmanager
def stored(storage: str) -> Iterator[list[BaseStorage]]:
    """What is kept in `storage`, to be read; nothing is locked, made or changed."""
    path = journal_path(storage)
    if path is None:
        with _table().stored_logs(storage) as logs:
            yield [JournalStorage(log) for log in logs]
    else:
        yield [JournalStorage(_open_file(path))] if path.exists() else []


@contextlib.contextmanager
def only_writer(storage: str, name: str) -> Iterator[Log]:
    """The journal for sweep `name`, and the right to drive it; a second driver gets a `UserError`.

    A file is locked by the kernel, and a sweep in PostgreSQL by its server, for as long as the
    connection lasts (so connect to it, or to a pooler that keeps sessions apart).
    """
    path = journal_path(storage)
    if path is None:
        with contextlib.closing(_table().TableLog(storage, name)) as log:
            yield log
    else:
        with _file_lock(path, name):
            yield _open_file(path)


def _table() -> ModuleType:
    """The module of ledgers in PostgreSQL, whose driver is not everywhere."""
    try:
        return importlib.import_module("gensweep.study._table")
    except ImportError as error:
        raise UserError(
            f"a ledger in PostgreSQL needs its driver ({error}): pip install 'psycopg[binary]'."
        ) from error


def _open_file(path: Path) -> FileLog:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLog(path, AppendLock(path))
    except OSError as error:
        raise UserError(
            f"cannot keep the study in {path} ({error.strerror}): choose a writable "
            "place with --storage."
        ) from error


def journal_path(storage: str) -> Path | None:
    """The journal's file (`journal:///path` or a plain path); None for a URL of PostgreSQL."""
    if storage.startswith("journal://"):
        storage = storage.removeprefix("journal://")
    elif "://" in storage:
        kind = storage.partition("://")[0]
        if kind not in ("postgresql", "postgresql+psycopg"):
            raise UserError(f"a ledger cannot be kept in {kind}://: give a file, or "
                            "postgresql+psycopg://user@host/database.")  # fmt: skip
        return None
    if not storage:
        raise UserError("the study's storage is empty: give a path, or a database URL.")
    return Path(storage).expanduser().absolute()


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
