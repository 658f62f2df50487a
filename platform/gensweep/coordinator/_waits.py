"""Keeps what packs wait for at the moment."""

import time
from collections.abc import Callable

FRESH_S = 30.0
"""A pack that waits on says so again within less."""


class Waits:
    """Tells what servers keep packs waiting, as each told last."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._told: dict[str, tuple[float, str]] = {}

    def note(self, owner: str, waits_for: str) -> None:
        """Keep what the pack waits for."""
        self._told[owner] = self._ticks(), waits_for

    def now(self) -> str:
        """Tell what the pack waits for that spoke last; empty if none waits."""
        at, waits_for = max(self._told.values(), default=(0.0, ""))
        return waits_for if waits_for and self._ticks() - at < FRESH_S else ""
