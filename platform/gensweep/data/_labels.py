"""Reads the column of classes of a table, whatever type its values have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gensweep.errors import UserError

Label = int | str | None
"""A class; None: no class, which -1 and missing values say."""
MAX_CLASSES = 100_000
FEW = 20
"""Classes that may all have a single row."""
LABEL_NAMES = ("label", "labels", "class", "target", "fine_label", "y")
NO_CLASS = "no class"
"""Name of the class of training examples that have none."""


def find_label(names: Sequence[str], where: str, known: Sequence[str] = LABEL_NAMES) -> str | None:
    """Find the column that is called like one of classes, in small letters or capitals."""
    for name in known:
        found = [one for one in names if one.lower() == name]
        if len(found) > 1 and name not in found:
            raise UserError(f"{where} has the columns {' and '.join(found)}: name one by --label.")
        if found:
            return name if name in found else found[0]
    return None


def read_labels(values: Any, column: str, where: str, start: int = 0) -> list[Label]:
    """Take the classes out of an Arrow column, whose first row is row `start` of `where`.

    Lists of one value are that value, whole floats are whole numbers, and bytes are text.
    """
    labels = []
    for row, value in enumerate(values.to_pylist(), start):
        label, wrong = _label(value)
        if wrong:
            raise UserError(
                f"row {row} of {where} has {wrong} in {column!r}, but a class is one text or one "
                "whole number from 0 (-1 or nothing: no class): name another column by --label, "
                "or say --label none."
            )
        labels.append(label)
    return labels


def are_classes(values: Any) -> bool:
    """Return whether an Arrow column may hold classes: not if it has fractions, for instance."""
    from pyarrow import types

    return not first_wrong(values if types.is_nested(values.type) else values.unique())


def may_be_classes(kind: Any) -> bool:
    """Return whether a column of this Arrow type has one text or number in each row."""
    from pyarrow import types

    return not (types.is_nested(kind) or types.is_temporal(kind))


def first_wrong(values: Any) -> str:
    """Say what is the first value of an Arrow column that is no class; empty if all are."""
    return next((wrong for value in values.to_pylist() if (wrong := _label(value)[1])), "")


def _label(value: Any) -> tuple[Label, str]:
    """The class that a value means, or what is wrong with it.

    >>> _label(2.0), _label([3]), _label(b"cat"), _label(float("nan")), _label(-1)
    ((2, ''), (3, ''), ('cat', ''), (None, ''), (None, ''))
    >>> _label(0.5)[1], _label(-2)[1], _label([1, 2])[1], _label({"a": 1})[1]
    ('the fractional 0.5', 'the negative -2', 'a list of 2', 'a record of a')
    """
    found: tuple[Label, str] = None, f"the {type(value).__name__} {value}"
    match value:
        case None | str():
            found = value, ""
        case bytes():
            found = value.decode("utf-8", "backslashreplace"), ""
        case [one]:
            found = _label(one)
        case list():
            found = None, f"a list of {len(value)}"
        case dict():
            found = None, f"a record of {', '.join(value)}"
        case float() | Decimal():
            found = _whole(float(value))
        case int():
            found = _number(value)
    return found


def is_class_number(text: str) -> bool:
    """Return whether a text is a whole number that a class may be."""
    return text.isdecimal() and int(text) < MAX_CLASSES


def _number(value: int) -> tuple[Label, str]:
    if value < -1:
        return None, f"the negative {value}"
    if value >= MAX_CLASSES:
        return None, f"the number {value}, beyond {MAX_CLASSES} classes,"
    return (None if value == -1 else int(value)), ""


def _whole(value: float) -> tuple[Label, str]:
    if math.isnan(value):  # as tables write what is missing
        return None, ""
    return _number(int(value)) if value.is_integer() else (None, f"the fractional {value}")


def check_repeats(counts: Mapping[Label, int], column: str, where: str) -> None:
    """`UserError` if most of many classes have one row, as the values of a regression have."""
    found = [count for label, count in counts.items() if label is not None]
    once = found.count(1)
    if len(found) > FEW and 2 * once > len(found):
        raise UserError(f"column {column!r} of {where} has {len(found):,} values, {once:,} of them "
                        f"in one row only: say --label {column} if they are classes, or --label "
                        "none.")  # fmt: skip


def class_names(seen: Iterable[Label], given: Sequence[str], column: str, where: str
                ) -> tuple[str, ...]:  # fmt: skip
    """Name the classes: by the labels if they are text, or else by the `given` names or numbers.

    `UserError` if some are text and some are numbers.
    """
    text = sorted(label for label in seen if isinstance(label, str))
    numbers = [label for label in seen if isinstance(label, int)]
    if text and numbers:
        raise UserError(
            f"column {column!r} of {where} has text such as {text[0]!r} and numbers such as "
            f"{numbers[0]}: keep one kind, or name another by --label."
        )
    if not numbers:
        return tuple(text)
    last = max(numbers)
    return tuple(given) if len(given) > last else tuple(str(i) for i in range(last + 1))
