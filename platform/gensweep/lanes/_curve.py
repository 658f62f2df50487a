"""Means of a lane's losses and metrics over equal parts of its trial's budget."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from gensweep.lanes._means import Means

CURVE_PARTS = 50
"""Of a budget, each of which ends in a point; fewer of a budget of fewer ticks."""

Series = Mapping[str, tuple[list[int], Tensor]]
"""By name, the steps (from 1) of a lane's recorded turns in their order, and their values [N]."""


class LanePoint(NamedTuple):
    """A point of a learning curve."""

    ticks: int
    metrics: dict[str, float]
    """Means since the point before, of what was recorded since then."""


class Curve:
    """Gathers a trial's values, and gives a point at the end of each part of its budget.

    Points lie at fixed ticks and the same values give the same bits, in whatever segments they
    come: nothing depends on the machine's pace.
    """

    def __init__(self, total_ticks: int, kept: Mapping[str, Any] | None = None):
        parts = min(CURVE_PARTS, total_ticks)
        self._ends = [-(-total_ticks * part // parts) for part in range(1, parts + 1)]
        self._means = Means(kept)

    def part_at(self, tick: int) -> int:
        """Return the part, from 0, in which the tick lies, from 0; -1 before the trial's start.

        >>> [Curve(100).part_at(tick) for tick in (-1, 0, 1, 2, 99)]
        [-1, 0, 0, 1, 49]
        """
        return bisect_right(self._ends, tick) if tick >= 0 else -1

    def add(self, series: Series, begin: int, end: int, *, cut: bool = False) -> list[LanePoint]:
        """Add the values of the ticks after `begin` up to `end`; return the points in between.

        `cut`: the curve breaks off at `end`, which is a point too.
        """
        ends = [tick for tick in self._ends if begin < tick <= end]
        if cut and end not in ends:
            ends.append(end)
        points, first = [], dict.fromkeys(series, 0)
        for tick in ends:
            first = self._add_until(series, first, tick)
            if metrics := self._means.averages():
                points.append(LanePoint(tick, metrics))
            self._means.clear()
        self._add_until(series, first, end)
        return points

    def _add_until(self, series: Series, first: Mapping[str, int], tick: int) -> dict[str, int]:
        """Add values from place `first` up to `tick`; return the places where they end."""
        last = {name: bisect_right(steps, tick) for name, (steps, _) in series.items()}
        for name, (_, values) in series.items():
            if last[name] > first[name]:
                self._means.add(name, values[first[name] : last[name]])
        return last

    def to_json(self) -> dict[str, list[float]]:
        """Return the part under way, from which a new object goes on, as JSON."""
        return self._means.to_json()
