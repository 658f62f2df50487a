"""Simulated time: who acts when, and servers that one waits for."""

import heapq
import itertools
from collections.abc import Generator
from dataclasses import dataclass, field

Process = Generator[float | None, None, None]
"""Yields the time at which it goes on, or None: when somebody wakes it."""


class Clock:
    """Lets processes act in the order of their times."""

    def __init__(self) -> None:
        self.now = 0.0
        self._agenda: list[tuple[float, int, Process]] = []
        self._order = itertools.count()

    def wake(self, process: Process, at: float | None = None) -> None:
        """Let it go on at that time; None: now."""
        when = self.now if at is None else max(self.now, at)
        heapq.heappush(self._agenda, (when, next(self._order), process))

    def run(self) -> None:
        """Until nobody has anything to do."""
        while self._agenda:
            self.now, _, process = heapq.heappop(self._agenda)
            again = next(process, None)
            if again is not None:
                self.wake(process, again)


@dataclass
class Server:
    """First come, first served, by `count` servers; tell it arrivals in the order of their time."""

    count: int = 1
    busy: float = 0.0
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._free = [0.0] * self.count

    def serve(self, now: float, service: float) -> float:
        """When a request that arrives now has been served."""
        start = max(now, self._free[0])
        heapq.heapreplace(self._free, start + service)
        self.busy += service
        self.waits.append(start - now)
        return start + service

    @property
    def idle_at(self) -> float:
        """When all that has come will have been served."""
        return max(self._free)
