"""The grid of a search space: evenly spaced points of each range, and every choice.

A sweep that is longer than its grid goes on with the points halfway between those of one range
after the other, so that what it has tried stays the beginning.
"""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gensweep.configurations import SearchedSpace, between
from gensweep.errors import UserError
from gensweep.space import Space, Stratum, conditions, is_active, order_dimensions

FEWEST = 2
"""Points of a range: its ends."""
Axes = Mapping[str, Sequence[Any]]
"""The values of each dimension, by name; a dimension after those that its conditions name."""


def axis_values(dimension: Any, points: int) -> tuple[Any, ...]:
    """Return the choices, or `points` values from end to end, by logarithms where the range is so.

    A range of whole numbers has no more points than numbers.

    >>> from gensweep_models.space import Integer, Real
    >>> axis_values(Real(1.0, 100.0, log=True), 3), axis_values(Integer(1, 3), 9)
    ((1.0, 10.0, 100.0), (1, 2, 3))
    """
    if dimension.kind == "categorical":
        return tuple(dimension.choices)
    low, high, log = dimension.low, dimension.high, bool(dimension.log)
    if dimension.kind == "integer" and points > high - low:
        return tuple(range(low, high + 1))
    found = (between(low, high, i / (points - 1), log=log) for i in range(points))
    inside = (min(max(value, low), high) for value in found)
    if dimension.kind == "integer":
        return tuple(dict.fromkeys(map(round, inside)))
    return tuple(inside)


def axes_of(space: Space, strata: tuple[str, ...], points: int) -> Axes:
    """Return the values of each dimension on a grid of so many points."""
    names = order_dimensions(space, strata)
    return {name: axis_values(space[name], points) for name in names}


def count_configurations(space: Space, axes: Axes) -> int:
    """Count the grid's configurations without listing them; a dimension may not exist in all.

    >>> from gensweep_models.space import Categorical, Real
    >>> space = {"kind": Categorical(("a", "b")), "clip": Real(0, 1, when={"kind": ("b",)})}
    >>> count_configurations(space, axes_of(space, (), 10))
    11
    """
    parents = {parent for dimension in space.values() for parent in conditions(dimension)}

    def count(names: Sequence[str], values: Mapping[str, Any]) -> int:
        if not names:
            return 1
        name, *rest = names
        if not is_active(space[name], values):
            return count(rest, values)
        if name in parents:
            return sum(count(rest, {**values, name: value}) for value in axes[name])
        return len(axes[name]) * count(rest, values)

    return count(list(axes), {})


def fitting_points(space: Space, strata: tuple[str, ...], configurations: int) -> int:
    """Find the most points of each range that make no more than so many configurations.

    At least `FEWEST`, which `check_grid` refuses where they are too many.
    """

    def count(points: int) -> int:
        return count_configurations(space, axes_of(space, strata, points))

    above = 2 * FEWEST  # doubled first, as counting takes as long as an axis has points
    while above <= configurations and count(above) <= configurations:
        above *= 2
    fitting = bisect_right(range(FEWEST, above), configurations, key=count)
    return FEWEST + max(0, fitting - 1)


def check_grid(
    space: Space, strata: tuple[str, ...], trials: int, repeats: int, points: int
) -> None:
    """Raise `UserError` if trials are too few for a grid, or more than its configurations."""
    least = repeats * count_configurations(space, axes_of(space, strata, points))
    if trials < least:
        seeds = f" with {repeats} seeds each" if repeats > 1 else ""
        raise UserError(f"trials={trials} are too few for a grid of {points} points of each range "
                        f"and every choice{seeds}: use at least {least}, search fewer "
                        "hyperparameters, or draw by --sampler qmc.")  # fmt: skip
    if any(dimension.kind == "real" for dimension in space.values()):
        return
    whole = max((d.high - d.low + 1 for d in space.values() if d.kind == "integer"), default=1)
    most = repeats * count_configurations(space, axes_of(space, strata, max(FEWEST, whole)))
    if trials > most:
        raise UserError(f"trials={trials} are more than the grid's {most // repeats} "
                        f"configurations with {repeats=}: use at most {most}, or raise "
                        "--repeats.")  # fmt: skip


def _is_full(dimension: Any, values: Sequence[Any]) -> bool:
    """Return whether a range has no value but these."""
    return dimension.kind == "integer" and bool(len(values) > dimension.high - dimension.low)


class GridConfigurations:
    """Lists the configurations of a grid, and then of finer ones, as far as it is asked for.

    Within a grid the order is drawn by the sweep's seed, so that one that is cut short is no
    corner of the space; each stratum has its share of any beginning.
    """

    def __init__(self, searched: SearchedSpace) -> None:
        self._space, self._strata, self._seed = searched.space, searched.strata, searched.seed
        self._found: list[dict[str, Any]] = []
        self._parts = self._grids(searched.grid_points)

    def stratum(self, place: int) -> Stratum | None:
        """Return the stratum of the configuration at that place; None: the grid ends before."""
        if not self._reaches(place):
            return None
        values = self._found[place]
        return {name: values[name] for name in self._strata if name in values}

    def values(self, place: int) -> dict[str, Any]:
        """Return the whole configuration at that place."""
        if not self._reaches(place):
            raise IndexError(f"the grid has {len(self._found)} configurations.")
        return dict(self._found[place])

    def _reaches(self, place: int) -> bool:
        while place >= len(self._found):
            part = next(self._parts, None)
            if part is None:
                return False
            self._found += self._in_order(part, len(self._found))
        return True

    def _grids(self, points: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the grid, and then what each range adds that gets points between its own."""
        axes = dict(axes_of(self._space, self._strata, points))
        whole = list(self._combinations(axes))
        yield whole
        tried = {name for values in whole for name in values}
        ranges = [n for n in axes if n in tried and self._space[n].kind != "categorical"]
        while not all(_is_full(self._space[name], axes[name]) for name in ranges):
            points = 2 * points - 1
            for name in ranges:
                finer = axis_values(self._space[name], points)
                known = set(axes[name])
                between_them = [value for value in finer if value not in known]
                yield list(self._combinations({**axes, name: between_them}, name))
                axes[name] = finer

    def _combinations(self, axes: Axes, needed: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the configurations of the axes; only those that have the dimension `needed`."""

        def extend(names: Sequence[str], values: dict[str, Any]) -> Iterator[dict[str, Any]]:
            if not names:
                yield values
                return
            name, *rest = names
            if is_active(self._space[name], values):
                for value in axes[name]:
                    yield from extend(rest, {**values, name: value})
            elif name != needed:
                yield from extend(rest, values)

        return extend(list(axes), {})

    def _in_order(self, part: Sequence[dict[str, Any]], before: int) -> list[dict[str, Any]]:
        """Shuffle the part of the list after `before`, with even shares of the strata."""
        stirred = sorted(
            enumerate(part),
            key=lambda one: hashlib.sha256(f"{self._seed}/{before + one[0]}".encode()).digest(),
        )
        keys = [tuple(values.get(name) for name in self._strata) for values in part]
        sizes, drawn = Counter(keys), Counter[tuple[Any, ...]]()
        first = {key: number for number, key in reversed(list(enumerate(keys)))}
        ranked = []
        for number, values in stirred:
            key = keys[number]
            ranked.append(((drawn[key] + 0.5) / sizes[key], first[key], values))
            drawn[key] += 1
        return [values for *_, values in sorted(ranked, key=lambda one: one[:2])]
