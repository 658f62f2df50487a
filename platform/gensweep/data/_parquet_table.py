"""Opens the Parquet files of a place, and reads them a batch of rows at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from gensweep.data._decode import CHUNK
from gensweep.data._labels import Label, is_class_number, read_labels
from gensweep.data._place import Place, where
from gensweep.errors import UserError
from gensweep.unpacking import most_unpacked, too_large

NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""Name of the folder of rows that have no value."""


@dataclass(frozen=True)
class ParquetTable:
    """The rows of all Parquet files of a place, which have the same columns."""

    place: Place

    @cached_property
    def files(self) -> list[str]:
        return sorted(f for f in self.place.stamps if f.lower().endswith(".parquet"))

    @cached_property
    def schema(self) -> Any:
        """Arrow's schema of the first file."""
        return self.open(self.files[0]).schema_arrow

    @property
    def uri(self) -> str:
        return self.place.uri

    @cached_property
    def folder_columns(self) -> list[str]:
        """Names of columns that only folders state, as `label=cat/` does."""
        return sorted({*self._in_folders} - {*self.schema.names})

    @cached_property
    def _in_folders(self) -> dict[str, dict[str, Label]]:
        """What folders state: column to file to value; whole numbers where all values are."""
        texts = defaultdict[str, dict[str, str]](dict)
        for file in self.files:
            for name, value in folder_values(file).items():
                texts[name][file] = value
        return {
            name: {file: int(value) for file, value in found.items()}
            if all(map(is_class_number, found.values())) else {**found}
            for name, found in texts.items()
        }  # fmt: skip

    def where(self, file: str) -> str:
        """Name a file for messages."""
        return where(self.place, file)

    def check(self, columns: Sequence[str], others: Sequence[str] = ()) -> None:
        """`UserError` if one of these columns is neither there nor among the `others`."""
        known = [*self.schema.names, *others]
        for wanted in columns:
            if wanted not in known:
                raise UserError(
                    f"{self.where(self.files[0])} has no column {wanted!r}: choose from "
                    f"{', '.join(known)}."
                )

    def batches(self, file: str, columns: Sequence[str]) -> Iterator[Any]:
        """Yield Arrow's batches of some columns of a file."""
        import pyarrow as pa

        opened, wanted = self.open(file), list(dict.fromkeys(columns))
        for name in wanted:
            if name not in opened.schema_arrow.names:
                raise UserError(
                    f"{self.where(file)} has no column {name!r}, which {self.files[0]} has: "
                    "keep one kind of table in a folder."
                )
        # Without Arrow's threads, as in the cache: they abort a process that ends early.
        try:
            yield from opened.iter_batches(CHUNK, columns=wanted, use_threads=False)
        except (pa.ArrowException, OSError):
            raise self._damaged(file) from None

    def read(self, file: str) -> Any:
        """Read a whole file as Arrow's table."""
        import pyarrow as pa

        opened = self.open(file)
        try:
            return opened.read(use_threads=False)
        except (pa.ArrowException, OSError):
            raise self._damaged(file) from None

    def _damaged(self, file: str) -> UserError:
        return UserError(f"{self.where(file)} is damaged inside: fetch it again.")

    def rows(self, file: str) -> int:
        """The number of rows of a file."""
        return int(self.open(file).metadata.num_rows)

    def labels(self, file: str, column: str) -> list[Label]:
        """Read the classes of all rows of a file."""
        if column in self.folder_columns:
            return [self._in_folders[column].get(file)] * self.rows(file)
        found = list[Label]()
        for batch in self.batches(file, [column]):
            found += read_labels(batch.column(column), column, self.where(file), len(found))
        return found

    def open(self, file: str) -> Any:
        """Open a file; `UserError` if it is damaged or empty."""
        import pyarrow.parquet as pq

        data = self.place.open(file)
        try:
            opened = pq.ParquetFile(data)
            self._check_sizes(file, opened.metadata)
        except UserError:
            raise
        except Exception:  # of any kind, as decoders meet bytes of any kind
            raise UserError(
                f"{self.where(file)} is no whole Parquet file: fetch it again."
            ) from None
        if opened.metadata.num_rows == 0:
            raise UserError(f"{self.where(file)} has no rows: remove it.")
        return opened

    def _check_sizes(self, file: str, metadata: Any) -> None:
        """`UserError` for more rows, or more bytes of them, than a file of its size can have."""
        size, rows = self.place.stamps[file][0], metadata.num_rows
        if rows > 8 * size:
            raise UserError(f"{self.where(file)} says that it has {rows:,} rows, more than the "
                            f"bits of its {size:,} bytes: fetch it again.")  # fmt: skip
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > most_unpacked(size):
            raise too_large(self.where(file), most_unpacked(size))


def folder_values(file: str) -> dict[str, str]:
    """Read the values that the folders of a file state, as Hive and Spark write columns.

    >>> folder_values("kind=tabby%20cat/size=__HIVE_DEFAULT_PARTITION__/part-0.parquet")
    {'kind': 'tabby cat'}
    """
    parts = (folder.partition("=") for folder in PurePosixPath(file).parts[:-1])
    return {name: unquote(value) for name, equals, value in parts
            if name and equals and value != NOTHING}  # fmt: skip
