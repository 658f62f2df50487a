"""Captions of images, made of their classes and of what is measured in them: "a bold seven".

n images of a chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gensweep.data._labels import NO_CLASS
from gensweep.data._notes import HasNotes
from gensweep.data._source import Chunk, Column, Meta, Source
from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAPTION = "caption"
"""Name of the column."""
NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Words(NamedTuple):
    """Words of the third of a class with the least and with the most of a measure; "": none."""

    least: str
    most: str


GREY = (Words("thin", "bold"), Words("", "slanted"))
COLOUR = (Words("dark", "light"),)
"""The measures are those of `measures`, in their order."""


@dataclass(frozen=True)
class Captioned:
    """A source of images with classes, and a caption of each as the numbers of its bytes.

    Thirds are of the training examples of a class: each word tells images of one class apart.
    Examples without a class have empty captions.
    """

    source: Source

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"captions 2 {self.source.fingerprint}".encode()).hexdigest()

    def meta(self) -> Meta:
        column = Column(name=CAPTION, dtype="int64", shape=(self._length,), levels=255)
        columns = (*self._meta.columns, column)
        said = f"{self.source.meta().protocol}; captions of classes and of measures of their images"
        return replace(self._meta, columns=columns, protocol=said)

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        for chunk in self.source.chunks(split):
            texts = np.array([list(self._bytes(text)) for text in self.texts(chunk)], np.int64)
            yield chunk._replace(columns={**chunk.columns, CAPTION: texts})

    def notes(self) -> tuple[str, ...]:
        return self.source.notes() if isinstance(self.source, HasNotes) else ()

    def texts(self, chunk: Chunk) -> list[str]:
        """Describe each image of a chunk."""
        assert chunk.y is not None
        found = measures(chunk.x)[:, : len(self._words)]
        low, high = (ends[chunk.y] for ends in self._ends)
        return [
            caption(self._meta.class_names[y], [
                words.most if more else words.least if less else ""
                for words, less, more in zip(self._words, one < least, one > most, strict=True)
            ])
            for y, one, least, most in zip(chunk.y, found, low, high, strict=True)
        ]  # fmt: skip

    @cached_property
    def _meta(self) -> Meta:
        meta = self.source.meta()
        if len(meta.shape) != 3 or not meta.classes:
            raise UserError(
                f"{self.name} has no images with classes, of which captions are made: name a "
                "Parquet file with a column of text."
            )
        return meta

    @property
    def _words(self) -> tuple[Words, ...]:
        return GREY if self._meta.shape[0] == 1 else COLOUR

    @cached_property
    def _length(self) -> int:
        """Bytes of the longest caption that there may be."""
        longest = [max(words, key=len) for words in self._words]
        names = self._meta.class_names
        return max(len(caption(name, longest).encode()) for name in names if name != NO_CLASS)

    def _bytes(self, text: str) -> bytes:
        return text.encode().ljust(self._length, b"\0")

    @cached_property
    def _ends(self) -> NDArray[np.float64]:
        """Where the lowest third ends and the highest one begins: `[2, classes, measures]`."""
        import numpy as np

        chunks = [(c.y, measures(c.x)) for c in self.source.chunks("train")]
        y, found = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
        ends = np.full((2, self._meta.classes, found.shape[1]), np.nan)
        for label in np.unique(y):
            ends[:, label] = np.quantile(found[y == label], (1 / 3, 2 / 3), axis=0)
        return ends[:, :, : len(self._words)]


def measures(images: NDArray[Any]) -> NDArray[np.float64]:
    """The mean of pixels, and the slant of what is light, of images [n, C, H, W]: `[n, 2]`.

    The slant is the number of pixels by which a line of regression goes to the right in a row
    upwards.
    """
    import numpy as np

    grey = images.mean(1, dtype=np.float64)
    total = grey.sum((1, 2)) + 1e-9
    rows, columns = (np.arange(side, dtype=np.float64) for side in grey.shape[1:])
    down = rows - ((grey.sum(2) * rows).sum(1) / total)[:, None]
    across = columns - ((grey.sum(1) * columns).sum(1) / total)[:, None]
    both = np.einsum("nij,ni,nj->n", grey, down, across)
    spread = np.einsum("nij,ni->n", grey, down * down)
    # rounded, so that thirds are the same on machines that add up in another order
    return np.stack([grey.mean((1, 2)), -both / (spread + 1e-9)], 1).round(6)


def caption(name: str, words: list[str]) -> str:
    """Describe an image of a class in words, some of which may be empty; "" for no class.

    >>> caption("7", ["bold", ""]), caption("8", ["", ""])
    ('a bold seven', 'an eight')
    """
    if name == NO_CLASS:
        return ""
    said = NUMERALS[int(name)] if name in map(str, range(10)) else name
    phrase = " ".join([*filter(None, words), said])
    vowel = phrase.lower().startswith(tuple("aeiou")) and not phrase.startswith("one")
    return f"{'an' if vowel else 'a'} {phrase}"
