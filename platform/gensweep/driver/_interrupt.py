"""How a running sweep is asked to stop."""

import signal
import sys
from types import FrameType
from typing import Any


class Interrupt:
    """The first Ctrl-C or SIGTERM asks packs to save their lanes and stop; the second ends all.

    Tune's own handler would end packs in the middle of a step.
    """

    def __init__(self, coordinator: Any, name: str):
        self.request = False
        self._desk, self._name = coordinator, name
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.request:
            raise KeyboardInterrupt
        self.request = True
        print(f"\nstopping: packs save their lanes; go on with --resume {self._name} "
              "(once more ends at once)", file=sys.stderr, flush=True)  # fmt: skip
        self._desk.stop.remote()
