"""Work that nobody waits for until the end: what goes to a store or a server meanwhile."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any


class BackgroundQueue:
    """Jobs in threads of their own; an error of one is raised by the next call.

    At most `backlog` jobs wait or run, each of which holds what it will write.
    """

    def __init__(self, threads: int, backlog: int) -> None:
        self._pool, self._backlog = ThreadPoolExecutor(threads), backlog
        self._jobs: deque[Future[Any]] = deque()

    def do(self, train_trials: Callable[..., Any], *args: Any) -> None:
        """Call `train_trials(*args)` soon; waits if too much is waiting."""
        self.check()
        if len(self._jobs) >= self._backlog:
            self._jobs.popleft().result()
        self._jobs.append(self._pool.submit(train_trials, *args))

    def check(self) -> None:
        """Raise what a job raised, if one did."""
        while self._jobs and self._jobs[0].done():
            self._jobs.popleft().result()

    def wait(self) -> None:
        """Until all is done, whatever fails; then raise what failed first."""
        wait(self._jobs)
        try:
            self.check()
        finally:
            self._jobs.clear()
