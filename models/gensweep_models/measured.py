"""Reads what we measured of an entry from the tables that benchmarks made."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAGES = ("QUALITY.md", "MNIST.md", "THROUGHPUT.md")
"""Pages with tables in which a row is of the entry that its column `entry` names."""
ENTRY = re.compile(r"`(\w+)`,?\s*(.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRow:
    """A row of a table, without its empty cells."""

    page: str
    """The file, which tells how its figures were measured."""
    title: str
    """The heading above the table."""
    setting: str
    """In which the entry differs from its preset; empty: in nothing."""
    cells: Mapping[str, str]
    """By the head of the column."""


def measured_of(entry: str) -> tuple[MeasuredRow, ...]:
    """Return what was measured of an entry of the catalogue; empty if nothing was.

    >>> measured_of("gan")[0].cells["images a trial"]
    '300,000'
    """
    return _rows().get(entry, ())


@cache
def _rows() -> dict[str, tuple[MeasuredRow, ...]]:
    inside = Path(__file__).parent / "tables"  # of a wheel; in a checkout pages stand above
    folder = inside if inside.is_dir() else Path(__file__).parents[1]
    found = defaultdict[str, list[MeasuredRow]](list)
    for page in PAGES:
        for entry, row in _read(page, (folder / page).read_text("utf-8")):
            found[entry].append(row)
    return {entry: tuple(rows) for entry, rows in found.items()}


def _read(page: str, text: str) -> Iterator[tuple[str, MeasuredRow]]:
    """Yield the rows of a page's tables, each with its entry."""
    title, head = "", list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            title = line.strip("# ")
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not head:
            head = cells
        elif "entry" in head and (named := ENTRY.fullmatch(cells[head.index("entry")])):
            told = {n: cell for n, cell in zip(head, cells, strict=False) if n != "entry" and cell}
            yield named[1], MeasuredRow(page=page, title=title, setting=named[2], cells=told)
