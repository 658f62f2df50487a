"""Opens a study's journal, under the lock that makes one process its only writer."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from optuna.storages import BaseStorage, JournalStorage

from gensweep.errors import UserError
from gensweep.study.journal._file import FileJournal, Journal
from gensweep.study.journal._sweep_lock import lock_sweep
from gensweep.study.journal._torn_line import AppendLock


@contextlib.contextmanager
def stored_journals(storage: str) -> Iterator[list[BaseStorage]]:
    """Open what is kept in `storage` for reading; nothing is locked, made or changed."""
    path = journal_path(storage)
    if path is None:
        with _table().stored_journals(storage) as logs:
            yield [JournalStorage(log) for log in logs]
    else:
        yield [JournalStorage(_open_file(path))] if path.exists() else []


@contextlib.contextmanager
def only_writer(storage: str, name: str) -> Iterator[Journal]:
    """Open the journal for sweep `name` as its only driver; a second one gets a `UserError`.

    A file is locked by the kernel, and a sweep in PostgreSQL by its server, for as long as the
    connection lasts (so connect to it, or to a pooler that keeps sessions apart).
    """
    path = journal_path(storage)
    if path is None:
        with contextlib.closing(_table().TableJournal(storage, name)) as log:
            yield log
    else:
        with lock_sweep(path, name), contextlib.closing(_open_file(path)) as file:
            yield file


def _table() -> ModuleType:
    """The module of ledgers in PostgreSQL, whose driver is not everywhere."""
    try:
        return importlib.import_module("gensweep.study.journal._table")
    except ImportError as error:
        raise UserError(
            f"a ledger in PostgreSQL needs its driver ({error}): pip install 'psycopg[binary]'."
        ) from error


def _open_file(path: Path) -> FileJournal:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileJournal(path, AppendLock(path))
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
