"""Waits for a server that does not answer, or for a disk that is full.

Again and again, with jitter, and told in one line.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gensweep.errors import ServerAwayError
from gensweep.files import FULL

T = TypeVar("T")
_log = logging.getLogger(__name__)
OUTAGE_S = 600.0
"""How long a running sweep waits for a server: it costs that, and nothing else."""
SHORTEST_S, LONGEST_S = 0.2, 5.0
"""Pauses, doubled from the first to the second: who lost a server together come back apart."""
TELL_S = 2.0
"""A server that is away for less is not worth a line."""


def pause_before(attempt: int) -> float:
    """Draw the seconds to the `attempt`-th repetition, from 1 on."""
    return min(LONGEST_S, SHORTEST_S * float(2 ** min(attempt, 16))) * random.uniform(0.5, 1.0)


@dataclass(slots=True)
class Patience:
    """Repeats what a server did not answer for up to `wait_s` seconds.

    What is waited for and since when is a line of the log, once, or is told to `on_wait` with each
    repetition.
    """

    wait_s: float
    on_wait: Callable[[str], object] | None = None

    def keep_trying(self, action: Callable[[], T]) -> T:
        """Return what `action` returns; the `ServerAwayError` of the last try if it was in vain."""
        began, since, attempt = time.monotonic(), time.strftime("%H:%M:%S"), 0
        is_told = False
        while True:
            try:
                answer = action()
            except ServerAwayError as away:
                attempt += 1
                pause, waited = pause_before(attempt), time.monotonic() - began
                if waited + pause > self.wait_s:
                    raise
                line = f"waiting since {since} for up to {self.wait_s:.0f} s: {away}"
                if waited > TELL_S and self.on_wait is not None:
                    self.on_wait(line)
                elif waited > TELL_S and not is_told:
                    _log.warning("%s", line)
                    is_told = True
                time.sleep(pause)
                continue
            if is_told:
                _log.warning("it answers again, after %.0f s", time.monotonic() - began)
            return answer


def write_patiently(where: object, write: Callable[[], T]) -> T:
    """Return what `write` returns, repeated while the disk at `where` is full, up to `OUTAGE_S`.

    `write` leaves nothing behind when it fails. `ServerAwayError` if the disk stays full.
    """

    def attempt() -> T:
        try:
            return write()
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise ServerAwayError(
                f"{where} cannot be written ({error.strerror}): make room there."
            ) from error

    return Patience(OUTAGE_S).keep_trying(attempt)
