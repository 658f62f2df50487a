"""Reads a folder of image files, with a folder for each class or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from gensweep.data._decode import Decoder, Named
from gensweep.data._layout import Entry, Layout, lay_out
from gensweep.data._notes import left_out
from gensweep.data._options import AS_USUAL, ReadOptions
from gensweep.data._place import Place, fingerprint, where
from gensweep.data._source import Chunk, Meta
from gensweep.data._unreadable import Unreadable, together

ENDINGS = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif",
           ".tiff", ".webp"}  # fmt: skip


@dataclass(frozen=True)
class ImageFolder:
    """A source of image files by split and class, which `lay_out` finds."""

    name: str
    place: Place
    options: ReadOptions = AS_USUAL

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self.place, {"format": "images", **self.options.given()})

    def meta(self) -> Meta:
        return Meta(
            shape=(self._decoder.channels, self._decoder.height, self._decoder.width),
            classes=len(self._classes),
            class_names=self._classes,
            protocol=f"{self.name}: images{self.options.words}{together(self._bad.values()).words}"
            f", {self._layout.by}",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        entries = [e for e in self._layout.entries if e.split == split]
        number = {name: i for i, name in enumerate(self._classes)}
        self._bad[split] = Unreadable()
        for rows, pixels in self._decoder.batches(entries, self._read, self._bad[split]):
            labels = [number[str(entries[row].label)] for row in rows] if number else []
            yield Chunk(pixels, np.array(labels, np.int64) if number else None)

    def notes(self) -> tuple[str, ...]:
        strangers = Counter(kind_of(file) for file in self.place.stamps if not is_image(file))
        counts = Counter(self.place.left_out) + strangers + self._layout.left_out
        return left_out(counts) + together(self._bad.values()).notes(self.options.skip_bad)

    @cached_property
    def _bad(self) -> dict[str, Unreadable]:
        return {}

    @cached_property
    def _layout(self) -> Layout:
        return lay_out(filter(is_image, self.place.stamps), self.place.uri)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        known = {e.label for e in self._layout.entries if e.label is not None}
        return () if self.options.is_unlabelled else tuple(sorted(known))

    @cached_property
    def _decoder(self) -> Decoder:
        # Sixteen files from all over the folder: the first class alone may be grey by chance.
        entries = self._layout.entries
        samples = entries[:: max(1, len(entries) // 16)]
        return Decoder.for_images(samples, self._read, self.options)

    def _read(self, entry: Entry) -> Named:
        return where(self.place, entry.file), self.place.read(entry.file)


def is_image(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in ENDINGS


def kind_of(file: str) -> str:
    """Name the kind of a file that is not read, by its ending."""
    return f"{PurePosixPath(file).suffix.lower() or 'other'} file(s)"
