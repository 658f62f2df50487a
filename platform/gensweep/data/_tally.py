"""Watches the examples of a source go by, and says what is odd about all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gensweep.data._labels import NO_CLASS
from gensweep.data._notes import HasNotes
from gensweep.data._source import Chunk, Meta, Source

SHOWN = 5
"""Classes that are named."""
DARK = 4
"""Pixels that reach no more than one part of so many of their levels are told."""


@dataclass
class Tally:
    """Counts what `chunks` of a source yields on its way."""

    source: Source
    most: int = 0
    """The largest pixel."""

    seen: dict[str, set[int]] = field(default_factory=dict)
    """The classes of each split that have examples."""

    def chunks(self, split: str) -> Iterator[Chunk]:
        for chunk in self.source.chunks(split):
            self.most = max(self.most, int(chunk.x.max(initial=0)))
            if chunk.y is not None:
                self.seen.setdefault(split, set()).update(chunk.y.tolist())
            yield chunk

    def notes(self, meta: Meta) -> tuple[str, ...]:
        """Say how the files were read and what is odd, after the last example."""
        told = self.source.notes() if isinstance(self.source, HasNotes) else ()
        return (*told, *self._lacking(meta), *self._dark(meta.levels))

    def _lacking(self, meta: Meta) -> tuple[str, ...]:
        """Name the classes that one split has and the other has not."""
        known, notes = set[int]().union(*self.seen.values()), list[str]()
        for split, seen in self.seen.items():
            names = [meta.class_names[i] for i in sorted(known - seen) if i < len(meta.class_names)]
            lacking = [name for name in names if name != NO_CLASS]
            if lacking:
                rest = f" and {len(lacking) - SHOWN:,} more" if len(lacking) > SHOWN else ""
                notes.append(f"{split} has no example of {', '.join(lacking[:SHOWN])}{rest}")
        return tuple(notes)

    def _dark(self, levels: int) -> tuple[str, ...]:
        if not levels or self.most * DARK > levels:
            return ()
        return (f"dark: the largest pixel is {self.most} of {levels}; if that is white, say so by "
                "--pixel-range LOW,HIGH in the files' own numbers",)  # fmt: skip
