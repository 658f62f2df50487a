"""A coordinator in a process of its own that is killed, and comes back, as Ray's actor does."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from gensweep.coordinator import SweepCoordinator
from gensweep.errors import UserError

_DIED = object()
Fate = Callable[[str], str]
"""What becomes of the process when a method is called: it dies "before", "after", or not at all.

After: the call was carried out, and its answer is lost.
"""


class MortalCoordinator:
    """Makes each call again until it is answered, by a new process if the last one was killed."""

    def __init__(self, *arguments: Any, fate: Fate):
        self._arguments, self._fate = arguments, fate
        self.deaths = 0
        self._lock = threading.Lock()
        """One call at a time, as of the actor; a pack's come from several threads."""
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        if isinstance(refused := self._pipe.recv(), Exception):
            raise refused

    def ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            while (answer := self._try(method, arguments, options)) is _DIED:
                self.deaths += 1
                self._process.join()
                self._start()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _try(self, method: str, arguments: Any, options: Any) -> Any:
        try:
            self._pipe.send((method, arguments, options, self._fate(method)))
            return self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return _DIED

    def owned_by(self, owner: str) -> Callable[..., Any]:
        """Ask as a pack asks."""
        return lambda method, *arguments: self.ask(method.__name__, owner, *arguments)

    def end(self) -> None:
        """Kill the process for good."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, arguments: Any) -> None:
    try:
        coordinator = SweepCoordinator(*arguments, session="one")
    except UserError as error:
        pipe.send(error)
        return
    pipe.send("open")
    while True:
        method, given, options, fate = pipe.recv()
        if fate == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            answer = getattr(coordinator, method)(*given, **options)
        except Exception as error:
            answer = error
        if fate == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(answer)
