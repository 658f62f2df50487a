"""A table of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

REAL = "real data"
"""Name of the row of what real examples score in the place of samples."""
MEAN = "mean "
"""Before the name of a metric: head of the column of its means over seeds."""


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and rows of as many cells."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    on_paper: int | None = None
    """The first so many columns are printed, with the last one; None: all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TitledTable:
    """A table that a script adds to a report."""

    title: str
    table: Table
    caption: str = ""


def floor_rows(head: Sequence[str], floor: Mapping[str, float]) -> list[list[object]]:
    """Return the row of what real examples score; none if a table with that head has none of it.

    >>> floor_rows(["trial", "mean frechet", "outcome"], {"frechet": 0.25, "coverage": 0.97})
    [['real data', 0.25, '']]
    """
    cells: list[object] = [floor.get(name.removeprefix(MEAN), "") for name in head[1:]]
    return [[REAL, *cells]] if any(cell != "" for cell in cells) else []
