"""Opens the Parquet files of a place, and reads them a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gensweep.data._decode import CHUNK
from gensweep.data._labels import Label, read_labels
from gensweep.data._place import Place, where
from gensweep.errors import UserError


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

    def where(self, file: str) -> str:
        """Name a file for messages."""
        return where(self.place, file)

    def check(self, columns: Sequence[str | None]) -> None:
        """`UserError` if one of these columns is not there."""
        for wanted in columns:
            if wanted is not None and wanted not in self.schema.names:
                raise UserError(
                    f"{self.where(self.files[0])} has no column {wanted!r}: choose from "
                    f"{', '.join(self.schema.names)}."
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
            raise UserError(f"{self.where(file)} is damaged inside: fetch it again.") from None

    def rows(self, file: str) -> int:
        """The number of rows of a file."""
        return int(self.open(file).metadata.num_rows)

    def labels(self, file: str, column: str) -> list[Label]:
        """Read the classes of all rows of a file."""
        found = list[Label]()
        for batch in self.batches(file, [column]):
            found += read_labels(batch.column(column), column, self.where(file), len(found))
        return found

    def open(self, file: str) -> Any:
        """Open a file; `UserError` if it is damaged or empty."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            opened = pq.ParquetFile(self.place.open(file))
        except (pa.ArrowInvalid, OSError):
            raise UserError(
                f"{self.where(file)} is no whole Parquet file: fetch it again."
            ) from None
        if opened.metadata.num_rows == 0:
            raise UserError(f"{self.where(file)} has no rows: remove it.")
        return opened
