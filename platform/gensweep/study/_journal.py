"""Optuna's journal file, whose writes are made to outlive the machine a call at a time."""

import json
import os
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock, get_lock_file


class Journal(JournalStorage):
    """A journal in a file; what was written outlives the process, and after `sync` the machine."""

    def __init__(self, path: Path, lock: BaseJournalFileLock):
        self._file = _File(str(path), lock)
        super().__init__(self._file)

    def sync(self) -> None:
        self._file.sync()


class _File(JournalFileBackend):
    def __init__(self, path: str, lock: BaseJournalFileLock):
        super().__init__(path, lock_obj=lock)
        self._guard, self._dirty = lock, False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]
        with get_lock_file(self._guard), open(self._file_path, "ab") as file:
            file.write("".join(lines).encode())
        self._dirty = True

    def sync(self) -> None:
        if self._dirty:
            with open(self._file_path, "ab") as file:
                os.fsync(file.fileno())
            self._dirty = False
