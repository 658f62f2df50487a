"""Stops a running sweep without losing what its lanes have trained."""

import logging
import signal
from types import FrameType
from typing import Any

from gensweep.coordinator import RemoteCoordinator, SweepCoordinator

_log = logging.getLogger(__name__)


class Interrupt:
    """The first Ctrl-C or SIGTERM asks packs to save their lanes and stop; the second ends all.

    Tune's own handler would end packs in the middle of a step. `command` goes on with the sweep.
    """

    def __init__(self, coordinator: RemoteCoordinator, command: str):
        self.is_asked = False
        self._coordinator, self._command = coordinator, command
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is KeyboardInterrupt:
            told = f"interrupted; what was saved is kept: go on with `{self._command}`"
            raise KeyboardInterrupt(told) from None  # Ray's own is without the words

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
        _log.warning("stopping: packs save their lanes (once more ends at once)")
        self._coordinator.begin(SweepCoordinator.stop)
