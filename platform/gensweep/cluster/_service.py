"""The loop that services share: it ends when systemd asks, and waits longer after each failure."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gensweep.errors import UserError

_log = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 1.0, 30.0


class StopRequested(BaseException):
    """SIGTERM came while the service was waiting. No `Exception`: nothing may swallow it."""


class StopSignal:
    """The wish to stop, by SIGTERM or SIGINT, which interrupts only what may be interrupted.

    Within `waiting` a signal raises `StopRequested`; elsewhere it sets `asked`, so that an event
    that is being handled is handled to its end.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._waiting = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.asked.set()
        if self._waiting:
            raise StopRequested

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal break off what is done within."""
        # Looked at after the flag: a signal between the two raises, one before both is seen here.
        self._waiting = True
        try:
            if self.asked.is_set():
                raise StopRequested
            yield
        finally:
            self._waiting = False


class Backoff:
    """Pauses between failures, doubled from `FIRST_S` to `LONGEST_S` until something succeeds."""

    def __init__(self, stop: StopSignal):
        self._stop, self._pause = stop, FIRST_S

    def failed(self, why: object) -> None:
        """Log the reason, and wait for the present pause or until the service is to stop."""
        _log.warning("%s; next try in %g s", why, self._pause)
        self._stop.asked.wait(self._pause)
        self._pause = min(LONGEST_S, 2 * self._pause)

    def succeeded(self) -> None:
        self._pause = FIRST_S


def head_address(given: str | None) -> str:
    """Return HOST:PORT of the head: as given, of RAY_ADDRESS, of GENSWEEP_HEAD, or this host's.

    The port defaults to 6379. Raises `UserError` if it is no number.
    """
    found = given or os.environ.get("RAY_ADDRESS") or os.environ.get("GENSWEEP_HEAD") or "127.0.0.1"
    host, _, port = found.rpartition(":")
    if not host:
        host, port = found, "6379"
    if not port.isdigit():
        raise UserError(f"the head's address {found!r} is no HOST:PORT: write head.internal:6379.")
    return f"{host}:{port}"
