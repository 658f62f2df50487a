"""Tells values that are better seen by their logarithms."""

from collections.abc import Sequence


def spans_decades(values: Sequence[float]) -> bool:
    """Tell whether an axis of these values should be logarithmic: positive, over 30 times apart.

    >>> spans_decades([12.0, 1200.0]), spans_decades([0.0, 5.0])
    (True, False)
    """
    return bool(values) and min(values) > 0 and max(values) / min(values) > 30
