"""Axes of a stability map: where a hyperparameter's values lie, and the cells that count them."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from gensweep.objective import finite_number
from gensweep.report._stats import log_bins
from gensweep.report._svg import log_ticks, share, ticks
from gensweep.report._text_table import rounded_text
from gensweep.space import Space
from gensweep.trial import TrialView

MIN_CELLS, MAX_CELLS, TRIALS_A_CELL = 3, 8, 2
"""Of an axis of numbers; a cell of one trial shows no share."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Whose multiples, less their whole parts, spread trials of one choice over its band."""
MIDDLE = 0.7
"""Share of a band that its trials are spread over."""


class MapAxis(Protocol):
    """One side of a stability map, from 0 to 1, cut into cells."""

    @property
    def name(self) -> str:
        """Of the hyperparameter."""

    @property
    def caption(self) -> str:
        """The words below bars, one a cell."""

    @property
    def bounds(self) -> Sequence[float]:
        """The places from 0 to 1 where each cell begins, and where the last ends."""

    def cell(self, value: object) -> int | None:
        """Return the number of the cell that counts a value; None: it has no place here."""

    def place(self, value: object, number: int) -> float:
        """Return where from 0 to 1 the value of the trial of this number stands."""

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Return what is written where along the axis."""

    def told(self, cell: int) -> object:
        """Return the values of a cell as JSON: its two ends, or its one choice."""

    def words(self, cell: int) -> str:
        """Tell the values of a cell."""

    def bar(self, cell: int) -> str:
        """Name a cell in a few characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberAxis:
    """Numbers on a linear or a logarithmic scale.

    >>> axis = NumberAxis(name="beta1", edges=(-0.5, 0.0, 0.5))
    >>> axis.cell(-0.2), axis.cell(0), axis.cell("none"), axis.words(0)
    (0, 1, None, '-0.5 to 0')
    >>> NumberAxis(name="beta", edges=(1.2, 123.0, 12300.0), log=True).words(1)
    '120 to 12000'
    """

    name: str
    edges: Sequence[float]
    """Of the cells, ascending; those of whole numbers end before the next one's edge."""

    log: bool = False
    whole: bool = False

    @property
    def caption(self) -> str:
        return f"{self.name} (bin from)"

    @property
    def bounds(self) -> Sequence[float]:
        return [self._share(edge) for edge in self.edges]

    def cell(self, value: object) -> int | None:
        number = finite_number(value)
        if number is None or (self.log and number <= 0):
            return None
        return min(max(bisect_right(self.edges, number) - 1, 0), len(self.edges) - 2)

    def place(self, value: object, number: int) -> float:
        at = finite_number(value)
        assert at is not None, "only a value with a cell has a place"
        return min(1.0, max(0.0, self._share(at + 0.5 * self.whole)))

    def ticks(self) -> Sequence[tuple[float, str]]:
        low, high = self.edges[0], self.edges[-1] - self.whole
        found = (log_ticks if self.log else ticks)(low, high)
        known = [value for value in found if not self.whole or value.is_integer()]
        shown = known if len(known) > 1 else (low, high)  # a narrow logarithmic range has none
        return [(self._share(value + 0.5 * self.whole), f"{value:.6g}") for value in shown]

    def told(self, cell: int) -> object:
        return [self.edges[cell], self.edges[cell + 1] - self.whole]

    def words(self, cell: int) -> str:
        low, high = self.edges[cell], self.edges[cell + 1] - self.whole
        return self._text(low) if low == high else f"{self._text(low)} to {self._text(high)}"

    def bar(self, cell: int) -> str:
        return self._text(self.edges[cell])

    def _share(self, value: float) -> float:
        return share(value, (self.edges[0], self.edges[-1]), self.log)

    def _text(self, value: float) -> str:
        if self.whole:
            return str(int(value))
        return rounded_text(value, 2 if self.log else 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceAxis:
    """A band for each choice, or for each of a few whole numbers.

    >>> axis = ChoiceAxis(name="norm", choices=("batch", None))
    >>> axis.cell(None), axis.cell("layer"), axis.bounds, axis.words(0)
    (1, None, [0.0, 0.5, 1.0], 'batch')
    """

    name: str
    choices: Sequence[Any]

    @property
    def caption(self) -> str:
        return self.name

    @property
    def bounds(self) -> Sequence[float]:
        return [number / len(self.choices) for number in range(len(self.choices) + 1)]

    def cell(self, value: object) -> int | None:
        texts = [str(choice) for choice in self.choices]  # for True == 1
        return texts.index(str(value)) if str(value) in texts else None

    def place(self, value: object, number: int) -> float:
        cell = self.cell(value)
        assert cell is not None, "only a value with a cell has a place"
        within = (1 - MIDDLE) / 2 + MIDDLE * (number * GOLDEN % 1)
        return (cell + within) / len(self.choices)

    def ticks(self) -> Sequence[tuple[float, str]]:
        middles = [(low + high) / 2 for low, high in pairwise(self.bounds)]
        return list(zip(middles, map(str, self.choices), strict=True))

    def told(self, cell: int) -> object:
        return self.choices[cell]

    def words(self, cell: int) -> str:
        return str(self.choices[cell])

    def bar(self, cell: int) -> str:
        return str(self.choices[cell])


def log_axis(trials: Sequence[TrialView], name: str, groups: int = 1) -> NumberAxis | None:
    """Span the positive values that trials have of a hyperparameter; None if it has none."""
    found = [finite_number(trial["params"].get(name)) for trial in trials]
    positive = [value for value in found if value is not None and value > 0]
    if not positive:
        return None
    cells = _cells(len(positive) / (groups * TRIALS_A_CELL))
    return NumberAxis(name=name, edges=log_bins(positive, cells), log=True)


def space_axes(names: Sequence[str], space: Space, trials: int, groups: int) -> list[MapAxis]:
    """Make the axes of a map of so many trials, each as the space has its hyperparameter.

    Cells are the coarser, the fewer trials a group has; in a plane twice as many share one.
    """
    choices = [len(space[name].choices) for name in names if space[name].kind == "categorical"]
    every = trials / (groups * TRIALS_A_CELL * len(names) * math.prod(choices))
    cells = _cells(every ** (1 / max(1, len(names) - len(choices))))
    return [_axis(name, space[name], cells) for name in names]


def _cells(wanted: float) -> int:
    """Return how many cells an axis of numbers has."""
    return min(MAX_CELLS, max(MIN_CELLS, int(wanted)))


def _axis(name: str, dimension: Any, cells: int) -> MapAxis:
    if dimension.kind == "categorical":
        return ChoiceAxis(name=name, choices=dimension.choices)
    low, high, log = dimension.low, dimension.high, bool(getattr(dimension, "log", False))
    whole = dimension.kind == "integer"
    if whole and high - low < cells:
        return ChoiceAxis(name=name, choices=range(low, high + 1))
    edges = _edges(low, high + whole, log, cells)
    told = {round(edge) if whole else float(f"{edge:.4g}") for edge in edges}
    inner = sorted(edge for edge in told if low < edge < high + whole)
    return NumberAxis(name=name, edges=(low, *inner, high + whole), log=log, whole=whole)


def _edges(low: float, high: float, log: bool, cells: int) -> Sequence[float]:
    if log:
        return log_bins([low, high], cells)
    size = high / cells - low / cells
    return [low + size * number for number in range(cells + 1)]
