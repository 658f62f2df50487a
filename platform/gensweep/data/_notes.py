"""What a reader tells of a data set beside its examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class HasNotes(Protocol):
    """A source that left something out, or had a choice."""

    def notes(self) -> tuple[str, ...]:
        """Say how the files were read, a line each, after the last example.

        `UserError` if more of them were unreadable than is allowed.
        """


def left_out(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Say what was left out and why, in one line if at all.

    >>> left_out({"file(s) in @eaDir": 2, "broken link(s)": 0})
    ('left out: 2 file(s) in @eaDir',)
    """
    told = [f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count]
    return (f"left out: {'; '.join(told)}",) if told else ()
