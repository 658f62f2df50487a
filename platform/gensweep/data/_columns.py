"""Named columns of a data set beside its examples and classes: captions, second images, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gensweep.data._decode import Decoder
from gensweep.data._image_column import ImageColumn, holds_images, is_list, storage
from gensweep.data._options import AS_USUAL
from gensweep.data._source import Column
from gensweep.data._unreadable import Unreadable
from gensweep.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 1024
"""Entries of a list, or bytes of a text, that are kept."""
INT, FLOAT = "int64", "float32"


@dataclass(frozen=True)
class ColumnReader:
    """Turns one column of Arrow tables into an array of one shape and type.

    Texts become the numbers of their UTF-8 bytes, texts and lists are filled up with 0 to the
    longest, and images stay uint8.
    """

    column: Column
    kind: str
    """text, list, number or image."""

    decoder: Decoder | None = None
    longest: int = 0
    """Entries of the longest text or list, of which no more than `LONGEST` are kept."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what is cut, if anything."""
        if self.longest <= LONGEST:
            return ()
        what = "bytes" if self.kind == "text" else "numbers"
        return (f"column {self.column.name!r} has up to {self.longest:,} {what}, of which the "
                f"first {LONGEST:,} are kept",)  # fmt: skip

    @classmethod
    def for_column(cls, name: str, where: str, batches: Iterable[Any]) -> ColumnReader:
        """Look through all of a column to learn its shape; `UserError` if it has none."""
        kinds, longest, floats, most, first = set[str](), 0, False, 0, None
        for values in map(storage, batches):
            kind = kind_of(values.type)
            if kind is None or values.null_count:
                what = "missing values" if values.null_count else f"values of type {values.type}"
                raise UserError(
                    f"column {name!r} of {where} has {what}: numbers, lists of numbers, text and "
                    "images can be read; choose another of --columns."
                )
            kinds.add(kind)
            floats |= is_float(values.type)
            longest = max([longest, *lengths(values, kind)])
            most = max(most, largest(values, kind))
            first = values if first is None else first
        if len(kinds) != 1:
            raise UserError(
                f"column {name!r} of {where} is {' and '.join(sorted(kinds))}: keep one."
            )
        (kind,) = kinds
        if kind == "image":
            decoder = _decoder(where, name, first)
            sides = (decoder.channels, decoder.height, decoder.width)
            return cls(Column(name=name, dtype="uint8", shape=sides, levels=255), kind, decoder)
        shape = () if kind == "number" else (min(longest, LONGEST),)
        if floats:
            return cls(Column(name=name, dtype=FLOAT, shape=shape), kind, longest=longest)
        return cls(Column(name=name, dtype=INT, shape=shape, levels=most), kind, longest=longest)

    def read(self, values: Any, where: str) -> NDArray[Any]:
        """Convert the values of one batch of rows: `[n, *shape]`."""
        import numpy as np

        values = storage(values)
        if self.decoder is not None:
            column, bad = ImageColumn(self.column.name), Unreadable()
            images = named(where, column, values)
            made = [part.pixels for part in self.decoder.batches(images, column.read, bad)]
            for error in bad.found:
                raise error
            return np.concatenate(made)
        if self.kind == "number":
            numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
            return numbers.astype(self.column.dtype)
        out = np.zeros((len(values), *self.column.shape), self.column.dtype)
        for row, entry in enumerate(entries(values, self.kind)):
            kept = entry[: out.shape[1]]
            out[row, : len(kept)] = kept
        return out


def kind_of(kind: Any) -> str | None:
    """Name what a column of this Arrow type holds; None: nothing that a network could take.

    >>> import pyarrow as pa
    >>> kind_of(pa.string()), kind_of(pa.list_(pa.int32())), kind_of(pa.date32())
    ('text', 'list', None)
    """
    from pyarrow import types

    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    if holds_images(kind):
        return "image"
    if is_list(kind):
        return "list" if kind_of(kind.value_type) == "number" else None
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return "number" if numbers else None


def is_float(kind: Any) -> bool:
    """Return whether the numbers of a column, or of its lists, are floating ones."""
    from pyarrow import types

    inner = getattr(kind, "value_type", kind)
    return bool(types.is_floating(inner))


def lengths(values: Any, kind: str) -> Iterator[int]:
    """Yield how long the texts or lists of a batch are; nothing for others."""
    if kind in ("text", "list"):
        yield from map(len, entries(values, kind))


def largest(values: Any, kind: str) -> int:
    """The largest of a batch's whole numbers; 0 for what has none."""
    if kind == "text":
        return 255
    if kind == "image" or is_float(values.type):
        return 0
    if kind == "number":
        return max((int(value) for value in values.to_pylist()), default=0)
    return max((max(entry, default=0) for entry in entries(values, kind)), default=0)


def entries(values: Any, kind: str) -> Iterator[list[Any]]:
    """Yield texts as their bytes, and lists as they are."""
    for value in values.to_pylist():
        yield list(value.encode()) if kind == "text" else value


def named(where: str, column: ImageColumn, values: Any) -> list[tuple[str, Any]]:
    """Take the images of a column, each with its place for messages."""
    rows = enumerate(column.take(values))
    return [(f"row {i} of {column.name!r} in {where}", value) for i, value in rows]


def _decoder(where: str, name: str, values: Any) -> Decoder:
    column = ImageColumn(name)
    return Decoder.for_images(named(where, column, values)[:16], column.read, AS_USUAL)
