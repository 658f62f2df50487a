"""Reads a folder of image files, with a folder for each class or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from gensweep.data._decode import CHUNK, Decoder, Named
from gensweep.data._place import Place, fingerprint
from gensweep.data._source import Chunk, Meta
from gensweep.data._splits import assign
from gensweep.errors import UserError

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class Entry:
    file: str
    split: str
    label: str | None


@dataclass(frozen=True)
class ImageFolder:
    """A source of image files by split and class: `[train|test/][class/]**/*.png`."""

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
            + (", split by folder" if self._splits else ", test: every tenth of each class"),
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        entries = [e for e in self._entries if e.split == split]
        number = {name: i for i, name in enumerate(self._classes)}
        files = [e.file for e in entries]
        for i, pixels in enumerate(self._decoder.batches(files, self._read)):
            part = entries[i * CHUNK : i * CHUNK + len(pixels)]
            labels = [number[e.label] for e in part if e.label is not None]
            yield Chunk(pixels, np.array(labels, np.int64) if number else None)

    @cached_property
    def _files(self) -> list[str]:
        return sorted(f for f in self.place.stamps if is_image(f))

    @cached_property
    def _splits(self) -> dict[str, str] | None:
        return assign({f: f.split("/")[0] if "/" in f else None for f in self._files})

    @cached_property
    def _entries(self) -> list[Entry]:
        entries, seen = [], Counter[str | None]()
        for file in self._files:
            folders = PurePosixPath(file).parts[1 if self._splits else 0 : -1]
            label = folders[0] if folders else None
            seen[label] += 1
            split = "train" if seen[label] % 10 else "test"
            entries.append(Entry(file, self._splits[file] if self._splits else split, label))
        if None in seen and len(seen) > 1:
            raise UserError(
                f"{self.place.uri} has images both beside and inside class folders: move all of "
                "them into class folders, or none."
            )
        return entries

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        return tuple(sorted({e.label for e in self._entries if e.label is not None}))

    @cached_property
    def _decoder(self) -> Decoder:
        # Sixteen files from all over the folder: the first class alone may be grey by chance.
        step = max(1, len(self._files) // 16)
        samples = [self._read(file) for file in self._files[::step]]
        return Decoder.for_images(samples, self.image_size)

    def _read(self, file: str) -> Named:
        return f"{self.place.uri}/{file}", self.place.read(file)


def is_image(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in ENDINGS
