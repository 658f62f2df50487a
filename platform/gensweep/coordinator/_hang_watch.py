"""Finds packs that hang: their processes live, and say nothing for longer than anything takes."""

import time
from collections.abc import Callable, Iterable

HANG_S = 900.0
"""Silence by which a pack is known to hang: longer than a server is waited for, whose absence would
silence all of them, and than the first turns of a pack take, with what they compile."""
DEAF_S = 60.0
"""Between two questions, nobody was listened to if it was longer: nobody has been silent then."""
CAUSE = f"a hang: it was not heard of for {HANG_S:.0f} s"


class HangWatch:
    """Keeps when each pack was last heard of.

    In memory only: after a death of the process that has it, the silence of all begins anew.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic):
        self._ticks, self._asked = ticks, ticks()
        self._heard: dict[str, float] = {}

    def hear(self, owner: str) -> None:
        """Note a sign of life."""
        self._heard[owner] = self._ticks()

    def listen(self) -> float:
        """Count nobody's silence while nobody listened; return how many seconds that was by now."""
        now = self._ticks()
        deaf = pause if (pause := now - self._asked) > DEAF_S else 0.0
        self._asked = now
        self._heard = {owner: heard + deaf for owner, heard in self._heard.items()}
        return deaf

    def hung(self, owners: Iterable[str]) -> list[str]:
        """Return those of the living `owners` that hang; to be asked every few seconds."""
        self.listen()
        now = self._ticks()
        self._heard = {owner: self._heard.get(owner, now) for owner in owners}
        return [owner for owner, heard in self._heard.items() if now - heard > HANG_S]
