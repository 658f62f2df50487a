"""Reads the numbers of tables: CSV and Parquet."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gensweep.data._image_column import is_list, storage
from gensweep.data._labels import LABEL_NAMES, Label, are_classes, find_label, read_labels
from gensweep.data._options import ReadOptions
from gensweep.data._parquet_table import ParquetTable
from gensweep.data._place import Place, where
from gensweep.errors import UserError
from gensweep.unpacking import gunzip

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
DELIMITERS = (",", ";", "\t")
"""Where a first line has none of them, there are spaces or a single column."""
RUN = re.compile(rb'("[^"]*")|[ \t]+')
"""Blanks between fields, or a quoted field, whose blanks are its own."""
INDICES = ("", "Unnamed: 0", "__index_level_0__")
"""Names that pandas gives to numbers of rows."""
CLASSES = tuple(name for name in LABEL_NAMES if name != "y")
"""Names of columns of classes: a table's y is a coordinate."""


@dataclass(frozen=True)
class ColumnTable:
    """A table, whose number and list columns are an example's numbers."""

    place: Place
    options: ReadOptions

    @property
    def uri(self) -> str:
        return self.place.uri

    @cached_property
    def files(self) -> list[str]:
        files = sorted(self.place.stamps)
        parquet = [file for file in files if file.lower().endswith(".parquet")]
        return parquet or [file for file in files if is_csv(file)]

    @property
    def others(self) -> list[str]:
        """Files that are not read."""
        return [file for file in self.place.stamps if file not in self.files]

    def where(self, file: str) -> str:
        return where(self.place, file)

    def rows(self, file: str) -> int:
        return int(self._tables[file].num_rows)

    def labels(self, file: str, column: str) -> list[Label]:
        if column not in self._tables[file].column_names:  # as tests of competitions have it
            return [None] * self.rows(file)
        return read_labels(self._column(file, column), column, self.where(file))

    def examples(self, file: str) -> NDArray[Any]:
        """The numbers [rows, D] of a file, NaN where one is missing."""
        import numpy as np

        parts = [numbers(self._column(file, name), name, self.where(file)) for name in self.names]
        made: NDArray[Any] = np.concatenate(parts, 1)
        return made

    @cached_property
    def label(self) -> str | None:
        """The column of classes; one that has fractions, or that --column names, is of numbers."""
        if self.options.is_unlabelled:
            return None
        if self.options.named_label is not None:
            return self._known(self.options.named_label)
        asked = self.names if self.options.column is not None else []
        others = [name for name in self._all if name not in asked]
        found = find_label(others, self.where(self.files[0]), CLASSES)
        parts = [self._column(file, found) for file, table in self._tables.items()
                 if found and found in table.column_names]  # fmt: skip
        return found if all(map(are_classes, parts)) else None

    @cached_property
    def names(self) -> list[str]:
        """The columns of an example's numbers."""
        if self.options.column is not None:
            return [self._known(name.strip()) for name in self.options.column.split(",")]
        names = [name for name in self._all if name != self.label and name not in INDICES]
        if not names:
            raise UserError(f"{self.where(self.files[0])} has no column of numbers beside the "
                            f"classes of {self.label!r}: add some.")  # fmt: skip
        return names

    @property
    def told(self) -> str:
        """Say which columns are read."""
        shown = ", ".join(self.names[:10]) + ", ..." * (len(self.names) > 10)
        return f"numbers of {shown}" + (f", classes of {self.label!r}" if self.label else "")

    @property
    def _all(self) -> list[str]:
        """The columns of the file that has most: a test table may have no classes."""
        found: list[list[str]] = [table.column_names for table in self._tables.values()]
        return max(found, key=len)

    @cached_property
    def _tables(self) -> dict[str, Any]:
        return {file: self._read(file) for file in self.files}

    def _read(self, file: str) -> Any:
        if file.lower().endswith(".parquet"):
            return self._with_folders(file, ParquetTable(self.place))
        return read_csv(self.place.read(file), self.where(file))

    def _with_folders(self, file: str, table: ParquetTable) -> Any:
        """Read a Parquet file, with the classes that its folders state."""
        import pyarrow as pa

        found = table.read(file)
        for name in table.folder_columns:
            is_usual = not self.options.is_unlabelled and name.lower() in CLASSES
            if is_usual or name == self.options.named_label:
                found = found.append_column(name, pa.array(table.labels(file, name)))
        return found

    def _known(self, name: str) -> str:
        if name not in self._all:
            raise UserError(f"{self.where(self.files[0])} has no column {name!r}: choose from "
                            f"{', '.join(self._all)}.")  # fmt: skip
        return name

    def _column(self, file: str, name: str) -> Any:
        table = self._tables[file]
        if name not in table.column_names:
            raise UserError(f"{self.where(file)} has no column {name!r}, which others have: "
                            "keep one kind of table in a folder.")  # fmt: skip
        if table.column_names.count(name) > 1:
            raise UserError(f"{self.where(file)} has {table.column_names.count(name)} columns "
                            f"{name!r}: rename them, or choose others by --column.")  # fmt: skip
        return storage(table.column(name).combine_chunks())


def is_csv(file: str) -> bool:
    return file.lower().endswith(ENDINGS)


def read_csv(data: bytes, where: str) -> Any:
    """Read a CSV file as an Arrow table; a first line of numbers alone is no heading."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        data = gunzip(data, where) if where.lower().endswith(".gz") else data
        first = data.split(b"\n", 1)[0].decode().strip().removeprefix("\ufeff")
        delimiter = max(DELIMITERS, key=first.count) if set(DELIMITERS) & set(first) else " "
        data = _in_single_blanks(data) if delimiter == " " else data
        bare = all(map(_is_number, first.split() if delimiter == " " else first.split(delimiter)))
        return csv.read_csv(
            io.BytesIO(data), csv.ReadOptions(use_threads=False, autogenerate_column_names=bare),
            csv.ParseOptions(delimiter=delimiter),
        )  # fmt: skip
    except (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        told = str(error).split("\n", 1)[0]
        raise UserError(f"{where} cannot be read as a table ({told}): mend or remove it.") from None


def _in_single_blanks(data: bytes) -> bytes:
    """Make one blank of each run of them outside quotes, as tables in columns of text have runs.

    >>> _in_single_blanks(b'  1   2 \\n 3 "a  b"')
    b'1 2\\n3 "a  b"'
    """
    lines = (RUN.sub(lambda run: run[1] or b" ", line).strip() for line in data.split(b"\n"))
    return b"\n".join(lines)


def _is_number(text: str) -> bool:
    try:
        float(text.strip().strip('"'))
    except ValueError:
        return False
    return True


def numbers(values: Any, name: str, where: str) -> NDArray[Any]:
    """Take a column as floats [rows, D], NaN where one is missing; `UserError` if it has others."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_null(kind) or is_numeric(kind):
        made = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.asarray(made, np.float64)[:, None]
    if is_list(kind) and is_numeric(kind.value_type):
        lengths = pc.list_value_length(values).drop_null().unique().to_pylist()
        if not lengths:
            raise UserError(f"column {name!r} of {where} has no list, only missing ones: name "
                            "others by --column a,b.")  # fmt: skip
        if len(lengths) > 1:
            raise UserError(f"{where} has lists of {min(lengths)} to {max(lengths)} numbers in "
                            f"{name!r}: make all of one length.")  # fmt: skip
        rows = np.full((len(values), *lengths), np.nan)
        flat = values.flatten().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        rows[values.is_valid().to_numpy(zero_copy_only=False)] = flat.reshape(-1, *lengths)
        return rows
    first = next((one for one in values.to_pylist() if one is not None), None)
    raise UserError(f"column {name!r} of {where} has {kind} such as {first!r}, no numbers: "
                    "name columns of numbers by --column a,b, or classes by --label.")  # fmt: skip


def may_be_numbers(field: Any) -> bool:
    """Return whether a column of Arrow holds numbers, or lists of them."""
    kind = field.type
    return is_numeric(kind.value_type) if is_list(kind) else is_numeric(kind)


def is_numeric(kind: Any) -> bool:
    """Return whether entries of this Arrow type are numbers."""
    from pyarrow import types

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)
