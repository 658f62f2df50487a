"""The transaction of a study: one thread at a time, and one write for all that changed.

Runs in the coordinator's actor, around every call.
"""

import threading
from collections.abc import Callable

from gensweep.study.journal import Journal


class Transaction:
    """Keeps other threads out in a `with` block; its changes are on disk at the outermost's end."""

    def __init__(
        self, journal: Journal, ticks: Callable[[], float], forgive: Callable[[float], None]
    ) -> None:
        """Sync `journal`, and `forgive` the seconds that this took."""
        self._journal, self._ticks, self._forgive = journal, ticks, forgive
        self.lock = threading.RLock()
        self._depth = 0

    def __enter__(self) -> None:
        self.lock.acquire()
        self._depth += 1

    def __exit__(self, *exception: object) -> None:
        try:
            self._depth -= 1
            if not self._depth:
                self._sync()
        finally:
            self.lock.release()

    def _sync(self) -> None:
        """Write what changed; owners that could not be heard meanwhile have not been silent."""
        began = self._ticks()
        self._journal.sync()
        if (waited := self._ticks() - began) > 1:
            self._forgive(waited)
