"""The dimensions that a search space is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from sys import float_info
from typing import ClassVar

When = Mapping[str, tuple[object, ...]] | None
"""A dimension is searched only where each named value is one of those listed."""


def _check_range(low: float, high: float, log: bool) -> None:
    if not (abs(low) <= float_info.max and abs(high) <= float_info.max):
        raise ValueError(f"both ends must be finite, but got {low=}, {high=}: narrow the range.")
    if not low < high:
        raise ValueError(f"`low < high` must hold, but got {low=}, {high=}: widen the range.")
    if log and low <= 0:
        raise ValueError(f"`0 < low` must hold with log=True, but got {low=}: raise it.")


@dataclass(frozen=True)
class Real:
    """A real number in [low, high].

    >>> Real(1e-5, 1e-2, log=True).high
    0.01
    """

    kind: ClassVar[str] = "real"
    low: float
    high: float
    log: bool = False
    when: When = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Integer:
    """An integer in [low, high], both included."""

    kind: ClassVar[str] = "integer"
    low: int
    high: int
    log: bool = False
    when: When = None

    def __post_init__(self) -> None:
        for end in (self.low, self.high):
            if not isinstance(end, int):
                raise ValueError(f"both ends must be whole numbers, but got {end!r}: use a Real.")
        _check_range(self.low, self.high, self.log)


@dataclass(frozen=True)
class Categorical:
    """One of some choices."""

    kind: ClassVar[str] = "categorical"
    choices: tuple[str | int | float | bool, ...]
    when: When = None

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("`choices` must not be empty, but got choices=(): name at least one.")


Dimension = Real | Integer | Categorical
