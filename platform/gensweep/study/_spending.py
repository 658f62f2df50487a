"""What a sweep has cost so far, and what it will have cost once it has stopped."""

from collections.abc import Callable

LEAST_S = 10.0
"""Of stopping: what packs save goes to the store, and ends are told."""


class Spending:
    """Money over time, at a price an hour that may change."""

    def __init__(self, hourly: Callable[[], float], clock: Callable[[], float], before: float):
        self._hourly, self._clock = hourly, clock
        self._sum, self._rate, self._at = before, hourly(), clock()
        self._silence = 0.0
        self._heard: dict[str, float] = {}

    def now(self) -> float:
        """The cost so far; between two looks, the higher price counts."""
        at, rate = self._clock(), self._hourly()
        self._sum += max(rate, self._rate) * max(0.0, at - self._at) / 3600
        self._at, self._rate = at, rate
        return self._sum

    def stopped(self) -> float:
        """The cost if packs are asked to stop now: it takes them twice their longest silence."""
        return self.now() + self._rate * (LEAST_S + 2 * self._silence) / 3600

    def hear(self, owner: str) -> None:
        """A pack looked up from its work."""
        now = self._clock()
        self._silence = max(self._silence, now - self._heard.get(owner, now))
        self._heard[owner] = now

    def forget(self, owner: str) -> None:
        """A pack has ended."""
        self._heard.pop(owner, None)
