"""Reads Parquet files of images, in the layout of the Hugging Face hub or a plainer one.

Rows are decoded in batches: memory holds one of them, and a file of S3, never all of the data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gensweep.data._columns import ColumnReader
from gensweep.data._decode import Decoder, Named
from gensweep.data._image_column import (
    IMAGE_NAMES,
    ImageColumn,
    find_file,
    holds_lists,
    may_hold_images,
)
from gensweep.data._images import kind_of
from gensweep.data._labels import Label, find_label, first_wrong, may_be_classes, read_labels
from gensweep.data._notes import left_out
from gensweep.data._options import AS_USUAL, ReadOptions
from gensweep.data._parquet_table import ParquetTable
from gensweep.data._place import Place, fingerprint
from gensweep.data._source import Chunk, Meta
from gensweep.data._unreadable import Unreadable, together
from gensweep.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gensweep.data._row_plan import RowPlan

SAMPLED = 16
"""Images that decide on colour and size for all."""


class Item(NamedTuple):
    """An image that is not read yet."""

    file: str
    where: str
    value: Any


class Rows(NamedTuple):
    """Images of a batch of rows, their classes if there are any, and other columns by name."""

    images: list[Item]
    labels: list[Label] | None
    columns: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ParquetSource:
    """A source of rows with an image and, if there is one, a class."""

    name: str
    place: Place
    options: ReadOptions = AS_USUAL
    class_names: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self.place, {"format": "parquet", **self.options.given()})

    def meta(self) -> Meta:
        names, decoder = self._plan.names, self._decoder
        return Meta(
            shape=(decoder.channels, decoder.height, decoder.width),
            classes=len(names),
            class_names=names,
            protocol=f"{self.name}: Parquet, {self._plan.by}{self.options.words}"
            f"{together(self._bad.values()).words}",
            columns=tuple(reader.column for reader in self._readers),
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        self._bad[split] = bad = Unreadable()
        # Rows are counted across files, so that many small files give a tenth, too.
        start = 0
        for file in self._plan.files(split):
            for rows in self._rows(file):
                mine = self._plan.rows(split, start, rows.labels, len(rows.images))
                start += len(rows.images)
                images = [rows.images[i] for i in mine]
                for kept, pixels in self._decoder.batches(images, self._read, bad):
                    yield self._chunk(rows, [mine[i] for i in kept], pixels)

    def notes(self) -> tuple[str, ...]:
        plan, column = self._plan, self._image
        lists = holds_lists(self._table.schema.field(column.name).type)
        first = f"image {column.index} of each list in" if lists else "images of"
        told = f"{first} column {column.name!r}"
        told += f", classes of {plan.label!r}" if plan.label else ""
        known = {*plan.uses, *self._named}
        counts = Counter(kind_of(file) for file in self.place.stamps if file not in known)
        counts["file(s) beside the splits"] = [*plan.uses.values()].count("unused")
        counts["test row(s) without a class"] = plan.hidden
        bad = together(self._bad.values())
        whole = left_out(Counter(self.place.left_out) + counts)
        cut = [note for reader in self._readers for note in reader.notes]
        skipped = () if self.options.named_label else self._found_label[1]
        return (told, *skipped, *cut, *whole, *bad.notes(self.options.skip_bad))

    def _chunk(self, rows: Rows, kept: list[int], pixels: NDArray[Any]) -> Chunk:
        labels = rows.labels
        classes = None if labels is None else self._plan.numbers([labels[i] for i in kept])
        columns = {name: values[kept] for name, values in rows.columns.items()}
        return Chunk(pixels, classes, columns)

    @cached_property
    def _bad(self) -> dict[str, Unreadable]:
        return {}

    @cached_property
    def _named(self) -> set[str]:
        """Image files that rows have in the place of bytes."""
        return set()

    @cached_property
    def _table(self) -> ParquetTable:
        return ParquetTable(self.place)

    @cached_property
    def _image(self) -> ImageColumn:
        names, asked = self._table.schema.names, self.options.column
        column = ImageColumn.named(asked, names) if asked else ImageColumn(self._image_column())
        self._table.check([column.name, *self.options.columns])
        return column

    def _image_column(self) -> str:
        schema, file = self._table.schema, self._table.where(self._table.files[0])
        found = [field.name for field in schema if may_hold_images(field)]
        preferred = [name for name in found if name.lower() in IMAGE_NAMES]
        if len(preferred or found) != 1:
            raise UserError(
                f"{file} has {len(found)} columns that may hold images: name one of "
                f"{', '.join(schema.names)} by --column."
            )
        return str((preferred or found)[0])

    @cached_property
    def _plan(self) -> RowPlan:
        from gensweep.data._row_plan import plan_rows

        table, asked = self._table, self.options.named_label
        if asked is not None:
            table.check([asked], table.folder_columns)
        label = asked or self._found_label[0]
        given = self.class_names or (hub_names(table.schema, label) if label else ())
        return plan_rows(table, label, given, asked=asked is not None)

    @cached_property
    def _found_label(self) -> tuple[str | None, tuple[str, ...]]:
        """The column that is called like one of classes, and notes of those that hold none."""
        table, notes = self._table, list[str]()
        names = [*table.schema.names, *table.folder_columns]
        others = [name for name in names if name != self._image.name]
        where = table.where(table.files[0])
        while not self.options.is_unlabelled and (found := find_label(others, where)):
            wrong = "" if found in table.folder_columns else self._no_class(found)
            if not wrong:
                return found, tuple(notes)
            notes.append(f"column {found!r} has {wrong}: no classes")
            others.remove(found)
        return None, tuple(notes)

    def _no_class(self, column: str) -> str:
        """Say what a column has whose Arrow type is of no class; empty if it may hold classes."""
        if may_be_classes(self._table.schema.field(column).type):
            return ""
        batches = (batch.column(column) for file in self._table.files
                   for batch in self._table.batches(file, [column]))  # fmt: skip
        return next(filter(None, map(first_wrong, batches)), "")

    @cached_property
    def _readers(self) -> list[ColumnReader]:
        table = self._table
        return [
            ColumnReader.for_column(
                name, self.place.uri,
                (b.column(name) for file in table.files for b in table.batches(file, [name])),
            )
            for name in self.options.columns
        ]  # fmt: skip

    @cached_property
    def _decoder(self) -> Decoder:
        # Some images of the first rows decide for all; one that does not fit is an error later.
        images = next(self._rows(self._plan.files("train")[0], more=False)).images
        samples = images[:: max(1, len(images) // SAMPLED)]
        return Decoder.for_images(samples, self._read, self.options)

    def _read(self, item: Item) -> Named:
        path = self._image.path(item.value)
        if path is None:
            return self._image.read((item.where, item.value))
        file = find_file(item.where, path, self.place, item.file)
        self._named.add(file)
        return item.where, self.place.read(file)

    def _rows(self, file: str, *, more: bool = True) -> Iterator[Rows]:
        label, readers = self._plan.label, self._readers if more else []
        stored = [label] if label and label not in self._table.folder_columns else []
        wanted = [self._image.name, *stored, *(r.column.name for r in readers)]
        every = self._table.labels(file, label) if label and not stored else []
        where, start = self._table.where(file), 0
        for batch in self._table.batches(file, wanted):
            values = self._image.take(batch.column(self._image.name))
            images = [Item(file, f"row {row} of {where}", value)
                      for row, value in enumerate(values, start)]  # fmt: skip
            labels = every[: len(images)] if label else None  # all are alike
            if stored:
                labels = read_labels(batch.column(stored[0]), stored[0], where, start)
            start += len(images)
            if images:
                kept = {r.column.name: r.read(batch.column(r.column.name), where) for r in readers}
                yield Rows(images, labels, kept)


def hub_names(schema: Any, label: str) -> tuple[str, ...]:
    """Read the class names that the hub's files carry in their metadata, if any."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])["info"]
        return tuple(info["features"][label]["names"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
