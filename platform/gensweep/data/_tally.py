"""Watches the examples of a source go by, and says what is odd about all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gensweep.data._notes import HasNotes
from gensweep.data._source import Chunk, Meta, Source

DARK = 4
"""Pixels that reach no more than one part of so many of their levels are told."""


@dataclass
class Tally:
    """Counts what `chunks` of a source yields on its way."""

    source: Source
    most: int = 0
    """The largest pixel."""

    def chunks(self, split: str) -> Iterator[Chunk]:
        for chunk in self.source.chunks(split):
            self.most = max(self.most, int(chunk.x.max(initial=0)))
            yield chunk

    def notes(self, meta: Meta) -> tuple[str, ...]:
        """Say how the files were read and what is odd, after the last example."""
        told = self.source.notes() if isinstance(self.source, HasNotes) else ()
        return (*told, *self._dark(meta.levels))

    def _dark(self, levels: int) -> tuple[str, ...]:
        if not levels or self.most * DARK > levels:
            return ()
        return (f"dark: the largest pixel is {self.most} of {levels}; if that is white, say so by "
                "--pixel-range LOW,HIGH in the files' own numbers",)  # fmt: skip
