"""Remembers what the coordinator knows beside the ledger, for a successor of its process."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gensweep.coordinator._pack_status import PackRegistry
from gensweep.errors import UserError
from gensweep.files import write_atomically
from gensweep.patience import write_patiently

MAX_DEATHS = 5
"""Deaths in a row, each soon after the coordinator came back, that are not survived."""
SOON_S = 20.0
"""As long as nothing is recorded of any trial."""
CAME_BACK = "the process that decides died and came back: packs keep their trials"


@dataclass(slots=True)
class SessionState:
    """One session of a driver, as its coordinator knows it: plain JSON."""

    session: str
    """The driver's word for it: a process that meets it again is a successor."""

    deaths: int = 0
    """In a row."""

    is_stopping: bool = False
    notes: list[str] = field(default_factory=list)
    packs: PackRegistry = field(default_factory=PackRegistry)


class SessionMemory:
    """Keeps the state of a session in a file, which is written anew at every change.

    A coordinator that finds its own session there goes on with it, and counts the death of the one
    before. `UserError` if too many died in a row: something that they are asked to do kills them.
    Any other session's is left alone until `note_opened`: its sweep may be running.
    """

    def __init__(
        self, path: Path, session: str, sweep: str, ticks: Callable[[], float] = time.monotonic
    ):
        self._path, self._ticks, self._began = path, ticks, ticks()
        known = _read(path)
        self.is_continued = known is not None and bool(session) and known.session == session
        self.state = known if known is not None and self.is_continued else SessionState(session)
        if self.is_continued:
            with self.change() as state:
                state.deaths += 1
        if self.state.deaths >= MAX_DEATHS:
            raise UserError(
                f"the process that decides died {MAX_DEATHS} times in a row: see its last words "
                f"in Ray's logs (worker-*.err), then --resume {sweep}."
            )

    @contextmanager
    def change(self) -> Iterator[SessionState]:
        """Let the block change the state, and write it."""
        yield self.state
        self._write()

    def note_opened(self) -> None:
        """Begin the file, now that the sweep is ours, or tell of the death before."""
        with self.change() as state:
            if self.is_continued:
                state.notes.append(CAME_BACK)
        self._began = self._ticks()

    def note_alive(self) -> None:
        """Forget deaths, once this process has lived for some time."""
        if self._ticks() - self._began > SOON_S:
            self.note_recorded()

    def note_recorded(self) -> None:
        """Forget deaths, as something was recorded: what killed the others did not keep us from it.

        Should it be something that one pack asks for, then others go on, and end before it counts.
        """
        if self.state.deaths:
            with self.change() as state:
                state.deaths = 0

    def _write(self) -> None:
        # Of a thousand packs: `asdict` would copy them all, at each change.
        text = json.dumps(self.state, default=_fields)
        write_patiently(self._path, lambda: write_atomically(self._path, text))


def _fields(of: Any) -> dict[str, Any]:
    return {each.name: getattr(of, each.name) for each in fields(of)}


def _read(path: Path) -> SessionState | None:
    """Read a session's state; None if there is none, or another version's."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
        return SessionState(**{**stored, "packs": PackRegistry(**stored["packs"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return None
