"""A bounded background queue for uploads."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import ParamSpec

P = ParamSpec("P")


class BackgroundQueue:
    """Runs jobs in threads of its own; an error raised by a job is re-raised by the next call.

    At most `backlog` jobs wait or run, for each holds in memory what it will write.
    """

    def __init__(self, threads: int, backlog: int) -> None:
        self._pool, self._backlog = ThreadPoolExecutor(threads), backlog
        self._jobs: deque[Future[object]] = deque()

    def submit(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `work` soon; waits for the oldest job if the backlog is full."""
        self.check()
        if len(self._jobs) >= self._backlog:
            self._jobs.popleft().result()
        self._jobs.append(self._pool.submit(work, *args, **kwargs))

    def check(self) -> None:
        """Raise what an ended job raised, if one did."""
        while self._jobs and self._jobs[0].done():
            self._jobs.popleft().result()

    def wait(self) -> None:
        """Wait until every job has ended, whatever fails; then raise the first error."""
        wait(self._jobs)
        try:
            self.check()
        finally:
            self._jobs.clear()
