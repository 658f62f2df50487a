"""JSON that every program reads: numbers that are not finite, which it lacks, are texts."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

NOT_FINITE = ("inf", "-inf", "nan")
"""As Python writes them, and reads them again by `float`."""


def json_text(
    value: Any, indent: int | None = 1, default: Callable[[Any], Any] | None = None
) -> str:
    """Write plain data as JSON, and `default` of what is none.

    >>> json_text({"truncation": float("inf"), "hidden": (8, 8)}, indent=None)
    '{"truncation": "inf", "hidden": [8, 8]}'
    """
    return json.dumps(_spell(value), indent=indent, default=default, allow_nan=False)


def _spell(value: Any) -> Any:
    """The same data, with the numbers that are not finite as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Mapping):
        return {name: _spell(one) for name, one in value.items()}
    return [_spell(one) for one in value] if isinstance(value, list | tuple) else value


def numbers_of_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters that `json_text` wrote, with those texts as numbers again.

    >>> numbers_of_json({"truncation": "inf", "objective": "hinge"})
    {'truncation': inf, 'objective': 'hinge'}
    """
    return {n: float(v) if v in NOT_FINITE else v for n, v in values.items()}
