"""A table of a report."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and rows of as many cells."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TitledTable:
    """A table that a script adds to a report."""

    title: str
    table: Table
    caption: str = ""
