"""Tables as plain text, for a terminal or a job log."""

import shutil
import sys
from collections.abc import Sequence

from gensweep.printable import printable


def text_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None
) -> str:
    """Lay columns side by side within `width` characters; too wide cells end in an ellipsis.

    None: as wide as they are. What a terminal would act upon is spelled.

    >>> print(text_table(["objective", "rate"], [["hinge", 0.5]]))
    objective  rate
    ---------  ----
    hinge       0.5
    """
    cells = [[printable(format_value(value)) for value in row] for row in (head, *rows)]
    sizes = [max(len(row[i]) for row in cells) for i in range(len(head))]
    while width and sum(sizes) + 2 * (len(sizes) - 1) > width and max(sizes) > 4:
        sizes[sizes.index(max(sizes))] -= 1
    numeric = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(head))
    ]
    lines = [_line(row, sizes, numeric) for row in cells]
    return "\n".join([lines[0], "  ".join("-" * size for size in sizes), *lines[1:]])


def output_width() -> int | None:
    """Return the columns of the terminal; None in a pipe, or a job's log."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def format_value(value: object) -> str:
    """Write a cell: a float with four significant digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def rounded_text(value: float, digits: int = 2) -> str:
    """Round to so many digits, and write the number out where it is not very large or small.

    >>> rounded_text(123.4), rounded_text(0.00312), rounded_text(3.12e-5)
    ('120', '0.0031', '3.1e-05')
    """
    return f"{float(f'{value:.{digits}g}'):.6g}"


def _line(row: Sequence[str], sizes: Sequence[int], numeric: Sequence[bool]) -> str:
    cut = [
        cell if len(cell) <= size else cell[: size - 1] + "…"
        for cell, size in zip(row, sizes, strict=True)
    ]
    return "  ".join(
        cell.rjust(size) if right else cell.ljust(size)
        for cell, size, right in zip(cut, sizes, numeric, strict=True)
    ).rstrip()


def interval_text(interval: Sequence[float] | None) -> str:
    """Write the ends of an interval; empty where there is none.

    >>> interval_text([0.79, 0.84])
    '0.79 to 0.84'
    """
    return "" if interval is None else " to ".join(f"{end:.4g}" for end in interval)
