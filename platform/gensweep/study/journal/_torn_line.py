"""Removes the torn last line of a journal, in the coordinator, before anything is appended.

A process that is killed while it writes leaves a part of a line. Optuna would glue the next record
to it, and never read the journal again.
"""

from io import FileIO
from pathlib import Path

from gensweep.files import cut_torn_line, lock_file
from gensweep.study.journal._sweep_lock import SHARED


class AppendLock:
    """Guards appends to a journal: with the lock, the caller finds the file in one piece.

    Optuna's own lock is a file that a killed writer leaves behind, and everybody then waits 30 s;
    the kernel drops this one with its holder.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._held: FileIO | None = None

    @property
    def is_held(self) -> bool:
        return self._held is not None

    def hold(self) -> None:
        """Take the lock, unless it is held: waits for as long as another process has it."""
        if self._held is not None:
            return
        self._held = lock_file(Path(f"{self._journal}.append"), mode=SHARED)
        try:
            cut_torn_line(self._journal)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
