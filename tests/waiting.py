"""Waits for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SLOWER = 4.0
"""By so much may a machine be slower, or busier, than the one for which limits were chosen."""


def until(
    found: Callable[[], T | None],
    seconds: float,
    why: Callable[[], str] = str,
    every_s: float = 0.5,
) -> T:
    """Ask every `every_s` until `found` gives something true, and return that.

    Raises an AssertionError with what `why` tells if it does not come within `SLOWER * seconds`.
    """
    end = time.monotonic() + SLOWER * seconds
    while not (answer := found()):
        assert time.monotonic() < end, f"not within {SLOWER * seconds:g} s: {why()}"
        time.sleep(every_s)
    return answer
