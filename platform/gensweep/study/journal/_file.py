"""The journal that Optuna writes a study to, and the kind that is a file."""

import json
import os
from abc import abstractmethod
from collections.abc import Generator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from gensweep.errors import UserError
from gensweep.files import sync
from gensweep.patience import write_patiently
from gensweep.study.journal._torn_line import AppendLock


class Journal(BaseJournalBackend):
    """A journal whose records are kept from `sync` on; until then, this process alone sees them."""

    @abstractmethod
    def sync(self) -> None:
        """Write what was appended, and return when it outlives the machine."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete the study `name`, durably; the name is free afterwards."""

    @abstractmethod
    def close(self) -> None:
        """Let others write; what was not synced is dropped."""


class FileJournal(JournalFileBackend, Journal):
    """A journal in a file, which the sweeps of several processes may share.

    From the first append until `sync` it has the lock on appends: the records of others, which
    count for the ids of new trials, stand still meanwhile. So a transaction of a hundred records
    costs one lock, one write and one fsync.
    """

    def __init__(self, path: Path, lock: AppendLock):
        super().__init__(str(path))
        self._guard = lock
        self._pending: list[str] = []
        self._in_file: int | None = None
        """Records in the file, once they are counted under the lock."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._guard.hold()
        self._pending += [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Read the file's records, then those that wait for `sync`.

        `UserError` if one before the last is damaged: a sweep that went on without it would begin
        trials anew that have ended.
        """
        seen = log_number_from
        if self._in_file is None or seen < self._in_file:
            try:
                for log in super().read_logs(log_number_from):
                    yield log
                    seen += 1
            except ValueError as error:  # of its coding, or of JSON
                raise self._damaged(seen) from error
            if self._guard.is_held:
                self._in_file = seen
        if self._pending:
            yield from map(json.loads, self._pending[seen - (self._in_file or 0) :])

    def _damaged(self, whole: int) -> UserError:
        path = self._file_path
        return UserError(
            f"line {whole + 1} of the ledger {path} is damaged: put a copy of the file in its "
            f"place, or keep the {whole} lines before (`head -n {whole} {path} >whole && mv whole "
            f"{path}`), and what came later is trained again."
        )

    def sync(self) -> None:
        """Write what was appended; others wait too while the disk is full.

        Raises `UserError` if it stays full: what was appended stays pending, and a later call
        writes it.
        """
        if self._pending:
            records, start = "".join(self._pending).encode(), os.path.getsize(self._file_path)
            ledger = f"the ledger {self._file_path}"
            write_patiently(ledger, lambda: self._write(records, start))
        self.close()

    def _write(self, records: bytes, start: int) -> None:
        """Append, in one piece or not at all; where the next record begins is kept for readers."""
        try:
            with open(self._file_path, "ab") as file:
                file.write(records)
            sync(Path(self._file_path))
        except OSError:
            os.truncate(self._file_path, start)
            raise
        if self._in_file is not None:
            self._log_number_offset[self._in_file + len(self._pending)] = start + len(records)

    def delete(self, name: str) -> None:
        """Append that the study is gone: a file that others append to is never written anew."""
        optuna.delete_study(study_name=name, storage=JournalStorage(self))
        self.sync()

    def close(self) -> None:
        self._pending, self._in_file = [], None
        self._guard.release()
