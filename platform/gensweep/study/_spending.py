"""Hours and money: what a sweep has spent, and will have spent once it has stopped."""

from collections.abc import Callable
from dataclasses import dataclass

from gensweep.budget import Budget, StopReason

STOPPING_S = 10.0
"""Seconds that stopping takes at least: what packs save goes to the store, and ends are told."""
SAVE_S = 10.0
"""Seconds between two records of hours and money, which a killed process would lose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """The hours and the money that a sweep has spent over all its sessions."""

    hours: float = 0.0
    """Wall hours that it was open."""
    cost: float = 0.0
    """Money, where an hour has a price."""


class Spending:
    """Adds up hours and money, at a price an hour that may change, against a budget's limits."""

    def __init__(
        self,
        budget: Budget,
        hourly_price: Callable[[], float],
        ticks: Callable[[], float],
        before: Spent = Spent(),
    ) -> None:
        self._budget, self._hourly_price, self._ticks = budget, hourly_price, ticks
        self._opened_at = self._at = self._saved_at = ticks()
        self._hours_before, self._cost, self._price = before.hours, before.cost, hourly_price()
        self._longest_silence_s = 0.0
        self._heard: dict[str, float] = {}

    def hours(self) -> float:
        """Wall hours so far."""
        return self._hours_before + (self._ticks() - self._opened_at) / 3600

    def cost(self) -> float:
        """Money so far; between two looks at the price, the higher one counts."""
        at, price = self._ticks(), self._hourly_price()
        self._cost += max(price, self._price) * max(0.0, at - self._at) / 3600
        self._at, self._price = at, price
        return self._cost

    def cost_once_stopped(self) -> float:
        """Money if packs are asked to stop now.

        A pack hears of it when it next looks up from its work. How long that takes is taken from
        the longest silence so far, twice, as it may be longer once.
        """
        return self.cost() + self._price * (STOPPING_S + 2 * self._longest_silence_s) / 3600

    def hear(self, owner: str) -> None:
        """Note that a pack looked up from its work."""
        now = self._ticks()
        silence = now - self._heard.get(owner, now)
        self._longest_silence_s = max(self._longest_silence_s, silence)
        self._heard[owner] = now

    def forgive(self, seconds: float) -> None:
        """Count nobody's silence of the last `seconds`, in which nobody was listened to."""
        self._heard = {owner: at + seconds for owner, at in self._heard.items()}

    def forget(self, owner: str) -> None:
        """Note that a pack has ended."""
        self._heard.pop(owner, None)

    def reason_to_stop(self) -> StopReason | None:
        """Return the limit that ends running trials too, hours or cost; None if there is time."""
        return self._budget.limit_reached(self.hours(), self.cost_once_stopped())

    def spent(self) -> Spent:
        """The sums so far."""
        return Spent(hours=self.hours(), cost=self.cost())

    def save(self, remember: Callable[[str, float], None], every_s: float = SAVE_S) -> None:
        """Write the sums by `remember`, unless that was done within `every_s` seconds."""
        now = self._ticks()
        if now - self._saved_at >= every_s:
            self._saved_at = now
            spent = self.spent()
            remember("hours", spent.hours)
            remember("cost", spent.cost)
