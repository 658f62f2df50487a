"""The learning curve of a trial: means of its losses over equal parts of its budget."""

import base64
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

History = dict[str, list[list[float]]]
"""By loss or training metric, [images, mean since the point before] at each point."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The means of a trial's losses and training metrics since the point before."""

    images: int
    """Training examples that the trial had seen."""

    time_ms: int
    """When the worker saw it: of the clock, since 1970."""

    metrics: dict[str, float]


class StoredCurve(TypedDict):
    """A learning curve as the ledger keeps it: a list of numbers takes ten times the memory."""

    images: list[int]
    names: list[str]
    values: str
    """Base64 of little-endian 32-bit floats, name by name; a NaN where nothing was measured."""


def store_curve(points: Sequence[CurvePoint]) -> StoredCurve:
    """Pack a curve for the ledger.

    >>> stored = store_curve([CurvePoint(64, 0, {"loss": 0.5}), CurvePoint(128, 9, {"gap": 2.0})])
    >>> curve_history(stored)
    {'gap': [[128.0, 2.0]], 'loss': [[64.0, 0.5]]}
    """
    names = sorted({name for point in points for name in point.metrics})
    rows = [point.metrics.get(name, math.nan) for name in names for point in points]
    values = base64.b64encode(struct.pack(f"<{len(rows)}f", *map(_single, rows))).decode()
    return {"images": [point.images for point in points], "names": names, "values": values}


def curve_history(stored: StoredCurve) -> History:
    """Unpack a curve that the ledger keeps; what was not measured is left out."""
    packed = base64.b64decode(stored["values"])
    values = struct.unpack(f"<{len(packed) // 4}f", packed)
    count, history = len(stored["images"]), History()
    for place, name in enumerate(stored["names"]):
        row = zip(stored["images"], values[place * count : (place + 1) * count], strict=True)
        history[name] = [[float(at), value] for at, value in row if math.isfinite(value)]
    return history


def curve_from_json(points: Iterable[tuple[int, int, dict[str, float]]]) -> list[CurvePoint]:
    """Read the points of a curve from a checkpoint, where each is a list of its fields."""
    return [CurvePoint(*point) for point in points]


def _single(value: float) -> float:
    """The value, or a NaN where 32 bits would not hold it."""
    return value if abs(value) < 3e38 else math.nan
