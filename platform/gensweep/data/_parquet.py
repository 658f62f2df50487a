"""Reads Parquet files of encoded images, in the layout of the Hugging Face hub or a plainer one.

Rows are decoded in batches: memory holds one of them, and a file of S3, never all of the data.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gensweep.data._columns import ColumnReader, holds_images, image_bytes
from gensweep.data._decode import CHUNK, Decoder, Named
from gensweep.data._place import LocalPlace, Place, fingerprint
from gensweep.data._source import Chunk, Meta
from gensweep.data._splits import WORDS, assign
from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = tuple[list[Named], NDArray[np.int64] | None, dict[str, NDArray[Any]]]
    """Images of a batch of rows, their classes, and other columns by name."""

IMAGE_NAMES = ("image", "img", "images")
MAX_CLASSES = 100_000
LABEL_NAMES = ("label", "labels", "class", "target", "fine_label", "y")


@dataclass(frozen=True)
class ParquetSource:
    """A source of rows with an image (`struct<bytes>` or binary) and, if there is one, a class."""

    name: str
    place: Place
    image_size: int | None = None
    column: str | None = None
    label: str | None = None
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        options = {"format": "parquet", "size": self.image_size, "column": self.column}
        # Without further columns it is what it was before there were any.
        more = {"columns": self.columns} if self.columns else {}
        return fingerprint(self.name, self.place, {**options, "label": self.label, **more})

    def meta(self) -> Meta:
        names, decoder = self._classes, self._decoder
        split = "split by file" if self._splits else "test: every tenth row"
        size = f", shorter side to {self.image_size} and centre crop" if self.image_size else ""
        return Meta(
            shape=(decoder.channels, decoder.height, decoder.width),
            classes=len(names),
            class_names=names,
            protocol=f"{self.name}: Parquet, {split}{size}",
            columns=tuple(reader.column for reader in self._readers),
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        # Without a split in the files' names every tenth row is a test example. Rows are counted
        # across files, so that many small files give a tenth, too.
        row = 0
        for file in self._files:
            if self._splits and self._splits[file] != split:
                continue
            for images, labels, more in self._rows(file):
                rows = np.arange(row, row + len(images))
                row += len(images)
                mine = rows >= 0 if self._splits else (rows % 10 == 9) == (split == "test")
                if mine.any():
                    chosen = [image for image, m in zip(images, mine, strict=True) if m]
                    pixels = np.concatenate(
                        list(self._decoder.batches(chosen, lambda image: image))
                    )
                    kept = {name: values[mine] for name, values in more.items()}
                    yield Chunk(pixels, None if labels is None else labels[mine], kept)

    @cached_property
    def _files(self) -> list[str]:
        return sorted(f for f in self.place.stamps if f.lower().endswith(".parquet"))

    @cached_property
    def _splits(self) -> dict[str, str] | None:
        return assign({file: split_word(file) for file in self._files})

    @cached_property
    def _schema(self) -> Any:
        return self._open(self._files[0]).schema_arrow

    @cached_property
    def _columns(self) -> tuple[str, str | None]:
        """Choose the image column and the label column; `UserError` if one is not there."""
        names = self._schema.names
        for wanted in (self.column, self.label, *self.columns):
            if wanted is not None and wanted not in names:
                raise UserError(
                    f"{self.place.uri}/{self._files[0]} has no column {wanted!r}: choose from "
                    f"{', '.join(names)}."
                )
        return self.column or self._image_column(), self.label or self._label_column()

    def _image_column(self) -> str:
        found = [field.name for field in self._schema if holds_images(field.type)]
        preferred = [name for name in found if name.lower() in IMAGE_NAMES]
        if len(preferred or found) != 1:
            raise UserError(
                f"{self.place.uri}/{self._files[0]} has {len(found)} columns that may hold "
                f"images: name one of {', '.join(self._schema.names)} by column=."
            )
        return str((preferred or found)[0])

    def _label_column(self) -> str | None:
        return next((n for n in LABEL_NAMES if n in self._schema.names), None)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        """Name the classes: by the given names, by the hub's own, or by the labels that occur."""
        label = self._columns[1]
        if label is None:
            return ()
        # All files, not the first one: a file may hold a single class, as sorted tables do.
        seen = set[Any]().union(*(self._labels_of(file, label) for file in self._files))
        text = {isinstance(value, str) for value in seen}
        if len(text) == 2:
            raise UserError(
                f"column {label!r} is text in some files of {self.place.uri} and numbers in "
                "others: keep one kind, or name another by label=."
            )
        return tuple(sorted(seen)) if text == {True} else self._numbered(label, max(seen))

    def _numbered(self, label: str, last: int) -> tuple[str, ...]:
        """Name the classes 0 to `last`: as given, or by the hub; by numbers if these are fewer."""
        names = self.class_names or hub_names(self._schema, label)
        return names if len(names) > last else tuple(str(i) for i in range(last + 1))

    def _labels_of(self, file: str, label: str) -> set[Any]:
        """Collect a file's classes, all text or all whole numbers from 0; `UserError` otherwise."""
        seen: set[Any] = set()
        for batch in self._batches(file, [label]):
            seen |= set(batch.column(label).unique().to_pylist())
        text = all(isinstance(value, str) for value in seen)
        if not text and not all(isinstance(value, int) and value >= 0 for value in seen):
            raise UserError(
                f"column {label!r} of {self.place.uri}/{file} has missing, negative or "
                "fractional classes: name another by label=."
            )
        if not text and max(seen) >= MAX_CLASSES:
            raise UserError(
                f"column {label!r} of {self.place.uri}/{file} holds {max(seen)}, but classes are "
                f"numbers below {MAX_CLASSES}: name another by label=."
            )
        return seen

    @cached_property
    def _readers(self) -> list[ColumnReader]:
        return [
            ColumnReader.for_column(
                name, self.place.uri,
                (b.column(name) for file in self._files for b in self._batches(file, [name])),
            )
            for name in self.columns
        ]  # fmt: skip

    @cached_property
    def _decoder(self) -> Decoder:
        # Some sixteen images of the first rows decide on colour and size for all; one that does
        # not fit them is an error later, with its row.
        images, *_ = next(self._rows(self._files[0], more=False))
        return Decoder.for_images(images[:: max(1, len(images) // 16)], self.image_size)

    def _rows(self, file: str, *, more: bool = True) -> Iterator[Rows]:
        column, label = self._columns
        readers = self._readers if more else []
        wanted = [column, *([] if label is None else [label]), *(r.column.name for r in readers)]
        wanted = list(dict.fromkeys(wanted))
        row = 0
        for batch in self._batches(file, wanted):
            values = image_bytes(batch.column(column))
            images = []
            for value in values:
                where = f"row {row} of {self.place.uri}/{file}"
                if not isinstance(value, bytes):
                    raise UserError(f"{where} has no image bytes in {column!r}: remove the row.")
                images.append((where, value))
                row += 1
            if images:
                where = f"{self.place.uri}/{file}"
                kept = {r.column.name: r.read(batch.column(r.column.name), where) for r in readers}
                yield images, self._numbers(batch.column(label)) if label else None, kept

    def _batches(self, file: str, columns: list[str]) -> Iterator[Any]:
        import pyarrow as pa

        opened = self._open(file)
        for name in columns:
            if name not in opened.schema_arrow.names:
                raise UserError(
                    f"{self.place.uri}/{file} has no column {name!r}, which {self._files[0]} has: "
                    "keep one kind of table in a folder."
                )
        # Without Arrow's threads, as in the cache: they abort a process that ends early.
        try:
            yield from opened.iter_batches(CHUNK, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError):
            raise UserError(f"{self.place.uri}/{file} is damaged inside: fetch it again.") from None

    def _numbers(self, labels: Any) -> NDArray[np.int64]:
        import numpy as np

        values = labels.to_pylist()
        if values and isinstance(values[0], str):
            number = {name: i for i, name in enumerate(self._classes)}
            values = [number[value] for value in values]
        return np.array(values, np.int64)

    def _open(self, file: str) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        # A local file is opened in place; one in S3 is fetched whole, for Parquet seeks in it.
        local = isinstance(self.place, LocalPlace)
        try:
            where = self.place.uri + "/" + file if local else io.BytesIO(self.place.read(file))
            opened = pq.ParquetFile(where)
        except (pa.ArrowInvalid, OSError):
            raise UserError(
                f"{self.place.uri}/{file} is no whole Parquet file: fetch it again."
            ) from None
        if opened.metadata.num_rows == 0:
            raise UserError(f"{self.place.uri}/{file} has no rows: remove it.")
        return opened


def split_word(file: str) -> str | None:
    """Find the word that names a split: the first of the file's name, or else a folder.

    >>> split_word("data/train-00000-of-00001.parquet")
    'train'
    """
    path = PurePosixPath(file)
    words = (path.name.split("-", 1)[0].split(".", 1)[0], *path.parts[:-1])
    return next((word for word in words if word.lower() in WORDS), None)


def hub_names(schema: Any, label: str) -> tuple[str, ...]:
    """Read the class names that the hub's files carry in their metadata, if any."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])["info"]
        return tuple(info["features"][label]["names"])
    except (KeyError, TypeError, ValueError):
        return ()
