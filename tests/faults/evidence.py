"""What is known of a disturbed sweep once it has ended, as plain records that a checker reads."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Trial = Mapping[str, Any]
"""As `gensweep results --json` shows it."""
Curves = Mapping[str, Sequence[int]]
"""Metric to the steps of its points, in the order in which MLflow took them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A line of a process's history, as `gensweep.call_history` writes it."""

    at: float
    side: str
    """`pack` or `coordinator`."""

    event: str
    """`asked`, by a pack alone, or `answered`."""

    owner: str
    call: str
    told: Sequence[Any]
    answer: Any = None
    held: Sequence[Sequence[int]] = ()
    """Number and attempt of the leases that the owner held when the coordinator was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the sweep was asked for."""

    trials: int
    budget_images: int
    batch_images: int
    """By fewer than these may a trial pass its budget: batches are whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Something in the store to which the ledger or a history refers."""

    what: str
    verifies: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run of MLflow."""

    trial: int
    status: str
    steps: Curves


@dataclass(frozen=True, kw_only=True, slots=True)
class Undisturbed:
    """The same sweep, left alone."""

    trials: Sequence[Trial]
    runs: Sequence[Run]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything that the invariants are about."""

    asked: Asked
    expected: Undisturbed
    events: Sequence[Event] = ()
    """Of all processes, by time."""

    trials: Sequence[Trial] = ()
    runs: Sequence[Run] = ()
    references: Sequence[Reference] = ()
    left: Sequence[str] = field(default=())
    """What is still there and should not be."""

    def answered(self, side: str, call: str) -> list[Event]:
        """The calls of a kind that were answered, as one side wrote them down."""
        return [e for e in self.events if (e.side, e.event, e.call) == (side, "answered", call)]


def read_history(lines: Iterable[str]) -> list[Event]:
    """Parse a process's history; a last line without its end was cut short by a kill."""
    return [Event(**json.loads(line)) for line in lines if line.endswith("\n")]


def read_histories(folder: Path) -> list[Event]:
    """Read the histories of all processes, by time."""
    events: list[Event] = []
    for file in sorted(folder.glob("*.jsonl")):
        events += read_history(file.read_text().splitlines(keepends=True))
    return sorted(events, key=lambda event: event.at)
