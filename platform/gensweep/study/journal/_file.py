"""The journal that Optuna writes a study to, and the kind that is a file."""

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock, get_lock_file

from gensweep.files import sync


class Journal(BaseJournalBackend):
    """A journal that is appended to at once, and outlives the machine after `sync`."""

    @abstractmethod
    def sync(self) -> None:
        """Return when everything appended outlives the machine."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete the study `name`, durably; the name is free afterwards."""


class FileJournal(JournalFileBackend, Journal):
    """A journal in a file; what was appended outlives the process without `sync` too."""

    def __init__(self, path: Path, lock: BaseJournalFileLock):
        super().__init__(str(path), lock_obj=lock)
        self._guard, self._dirty = lock, False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]
        with get_lock_file(self._guard), open(self._file_path, "ab") as file:
            file.write("".join(lines).encode())
        self._dirty = True

    def delete(self, name: str) -> None:
        """Append that the study is gone: a file that others append to is never written anew."""
        optuna.delete_study(study_name=name, storage=JournalStorage(self))
        self.sync()

    def sync(self) -> None:
        if self._dirty:
            sync(Path(self._file_path))
            self._dirty = False
