"""Reads a folder of image files, with a folder for each class or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from gensweep.data._decode import CHUNK, Decoder, Named
from gensweep.data._layout import Layout, lay_out
from gensweep.data._notes import left_out
from gensweep.data._place import Place, fingerprint, where
from gensweep.data._source import Chunk, Meta

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class ImageFolder:
    """A source of image files by split and class, which `lay_out` finds."""

    name: str
    place: Place
    image_size: int | None = None

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self.place, {"format": "images", "size": self.image_size})

    def meta(self) -> Meta:
        return Meta(
            shape=(self._decoder.channels, self._decoder.height, self._decoder.width),
            classes=len(self._classes),
            class_names=self._classes,
            protocol=f"{self.name}: images"
            + (f", shorter side to {self.image_size} and centre crop" if self.image_size else "")
            + f", {self._layout.by}",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        entries = [e for e in self._layout.entries if e.split == split]
        number = {name: i for i, name in enumerate(self._classes)}
        files = [e.file for e in entries]
        for i, pixels in enumerate(self._decoder.batches(files, self._read)):
            part = entries[i * CHUNK : i * CHUNK + len(pixels)]
            labels = [number[e.label] for e in part if e.label is not None]
            yield Chunk(pixels, np.array(labels, np.int64) if number else None)

    def notes(self) -> tuple[str, ...]:
        others = (PurePosixPath(file).suffix.lower() for file in self.place.stamps
                  if not is_image(file))  # fmt: skip
        kinds = Counter(f"{ending or 'other'} file(s)" for ending in others)
        return left_out(Counter(self.place.left_out) + kinds + self._layout.left_out)

    @cached_property
    def _layout(self) -> Layout:
        return lay_out(filter(is_image, self.place.stamps), self.place.uri)

    @cached_property
    def _files(self) -> list[str]:
        return [entry.file for entry in self._layout.entries]

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        return tuple(sorted({e.label for e in self._layout.entries if e.label is not None}))

    @cached_property
    def _decoder(self) -> Decoder:
        # Sixteen files from all over the folder: the first class alone may be grey by chance.
        step = max(1, len(self._files) // 16)
        samples = [self._read(file) for file in self._files[::step]]
        return Decoder.for_images(samples, self.image_size)

    def _read(self, file: str) -> Named:
        return where(self.place, file), self.place.read(file)


def is_image(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in ENDINGS
