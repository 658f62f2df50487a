"""Counts the examples that cannot be read, and goes on without as many as are allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gensweep.errors import UserError


class UnreadableError(UserError):
    """One example that cannot be read: where it is, and why."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where} {why}: replace or remove it.")
        self.where, self.why = where, why


@dataclass
class Unreadable:
    """The examples of one reading that could not be read, among all that were tried."""

    seen: int = 0
    found: list[UnreadableError] = field(default_factory=list)
    on_white: int = 0
    """Those that were read, and had something transparent."""

    def add(self, tried: Iterable[object]) -> None:
        """Count what was tried, and keep the errors among it."""
        outcomes = list(tried)
        self.seen += len(outcomes)
        self.found += [one for one in outcomes if isinstance(one, UnreadableError)]

    @property
    def words(self) -> str:
        """Say, for a data set's protocol, what reading showed; empty if nothing."""
        return ", transparency on white" if self.on_white else ""

    def notes(self, allowed: int = 0) -> tuple[str, ...]:
        """List what was left out; `UserError` with their number if it is more than `allowed`."""
        if not self.found:
            return ()
        first, count = self.found[0], len(self.found)
        if count > allowed:
            rest = f", and {count - 1:,} more of {self.seen:,} examples cannot be read"
            raise UserError(
                f"{first.where} {first.why}{rest if count > 1 else ''}: replace or remove "
                f"{'them' if count > 1 else 'it'}, or go on without by --skip-bad {count}."
            )
        names = ", ".join(one.where for one in self.found)
        return (f"left out: {count:,} of {self.seen:,} examples that cannot be read: {names}",)


def together(parts: Iterable[Unreadable]) -> Unreadable:
    """Join the records of several splits."""
    both = Unreadable()
    for part in parts:
        both.seen += part.seen
        both.on_white += part.on_white
        both.found += part.found
    return both
