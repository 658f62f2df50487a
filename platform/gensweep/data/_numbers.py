"""A source of tables and arrays: points that are standardised, or images as pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gensweep.data._array_table import ArrayTable
from gensweep.data._column_table import ColumnTable
from gensweep.data._decode import CHUNK, Decoder, Named
from gensweep.data._images import kind_of
from gensweep.data._notes import left_out
from gensweep.data._place import Place, fingerprint
from gensweep.data._row_plan import RowPlan, plan_rows
from gensweep.data._source import Chunk, Meta
from gensweep.data._unreadable import Unreadable, UnreadableError, together
from gensweep.errors import UserError

if TYPE_CHECKING:
    from gensweep.data._labels import Label

Example = tuple[str, NDArray[Any]]


@dataclass(frozen=True)
class NumberSource:
    """A source of the rows of a table, split as its files say or by seed."""

    name: str
    place: Place
    table: ColumnTable | ArrayTable

    @property
    def fingerprint(self) -> str:
        options = {"format": "numbers", **self.table.options.given()}
        return fingerprint(self.name, self.place, options)

    def meta(self) -> Meta:
        decoder, names = self._decoder, self._plan.names
        words = self.table.options.words if decoder else ", standardised by the training split"
        mean, std = (np.zeros(0), np.zeros(0)) if decoder else self._units
        return Meta(
            shape=(decoder.channels, decoder.height, decoder.width) if decoder else self._shape,
            classes=len(names),
            class_names=names,
            levels=255 if decoder else 0,
            protocol=f"{self.name}: numbers, {self._plan.by}{words}"
            f"{together(self._bad.values()).words}",
            mean=tuple(mean.tolist()),
            std=tuple(std.tolist()),
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        self._bad[split] = bad = Unreadable()
        for examples, labels in self._parts(split):
            for start in range(0, len(examples), CHUNK):
                part = examples[start : start + CHUNK]
                for rows, x in self._read(part, bad):
                    kept = None if labels is None else [labels[start + row] for row in rows]
                    yield Chunk(x, None if kept is None else self._plan.numbers(kept))

    def notes(self) -> tuple[str, ...]:
        others = Counter(map(kind_of, self.table.others))
        unused = [*self._plan.uses.values()].count("unused")
        others["file(s) or array(s) beside the splits"] = unused
        others["test row(s) without a class"] = self._plan.hidden
        bad = together(self._bad.values()).notes(self.table.options.skip_bad)
        return (self.table.told, *left_out(Counter(self.place.left_out) + others), *bad)

    def _parts(self, split: str) -> Iterator[tuple[list[Example], list[Label] | None]]:
        """Yield the examples of a split, file by file, with their classes if there are any."""
        plan, start = self._plan, 0
        for file in plan.files(split):
            values = self.table.examples(file)
            labels = self.table.labels(file, plan.label) if plan.label else None
            chosen = plan.rows(split, start, labels, len(values))
            start += len(values)
            where = self.table.where(file)
            yield ([(f"row {i} of {where}", values[i]) for i in chosen],
                   None if labels is None else [labels[i] for i in chosen])  # fmt: skip

    def _read(self, part: list[Example], bad: Unreadable) -> Iterator[tuple[list[int], Any]]:
        if self._decoder is not None:
            yield from self._decoder.batches(part, _as_is, bad)
            return
        values = np.stack([value for _, value in part]).astype(np.float64)
        good: NDArray[Any] = np.asarray(np.isfinite(values).all(1))
        why = "has a number that is missing or infinite"
        bad.add(value if fine else UnreadableError(where, why)
                for (where, value), fine in zip(part, good, strict=True))  # fmt: skip
        mean, std = self._units
        if good.any():
            yield np.flatnonzero(good).tolist(), ((values[good] - mean) / std).astype(np.float32)

    @cached_property
    def _bad(self) -> dict[str, Unreadable]:
        return {}

    @cached_property
    def _plan(self) -> RowPlan:
        asked = self.table.options.label is not None
        return plan_rows(self.table, self.table.label, (), asked=asked, seeded=True)

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        """The shape of an example; `UserError` if files differ."""
        shapes = {self.table.examples(file).shape[1:] for file in self.table.files}
        if len(shapes) > 1:
            raise UserError(f"{self.place.uri} has examples of {' and '.join(map(str, shapes))}: "
                            "keep one kind.")  # fmt: skip
        return shapes.pop()

    @cached_property
    def _decoder(self) -> Decoder | None:
        """Of images; None for points."""
        options = self.table.options
        if len(self._shape) == 1 and (options.image_size or options.pixel_range):
            raise UserError(f"{self.place.uri} holds points: drop --image-size and --pixel-range.")
        if len(self._shape) == 1:
            return None
        examples, _ = next(self._parts("train"))
        return Decoder.for_images(examples[:: max(1, len(examples) // 16)], _as_is, options)

    @cached_property
    def _units(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and standard deviation of the training split; 1 for a number that never varies."""
        found = [value for part, _ in self._parts("train") for _, value in part]
        if not found:
            raise UserError(f"{self.place.uri} has one row or none: put two or more there.")
        values = np.stack(found).astype(np.float64)
        good = values[np.isfinite(values).all(1)]
        if not len(good):
            raise UserError(f"{self.place.uri} has no row without missing numbers: name the "
                            "columns by --column.")  # fmt: skip
        varies = np.ptp(good, 0) > 0
        return np.where(varies, good.mean(0), good[0]), np.where(varies, good.std(0), 1.0)


def _as_is(example: Example) -> Named:
    return example
