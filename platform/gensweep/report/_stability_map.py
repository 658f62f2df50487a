"""Counts where trials converge over one or two hyperparameters, in the cells of a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gensweep.objective import finite_number
from gensweep.report._map_axis import MapAxis, log_axis
from gensweep.report._outcomes import SuccessRate, outcome, strata, success_rate, titles
from gensweep.report._stable_regions import stable_regions
from gensweep.report._table import Table
from gensweep.trial import Outcome, TrialView

Cell = tuple[int, ...]
"""The number of a cell along each axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StabilityMap:
    """Trials by group over one axis or two."""

    axes: Sequence[MapAxis]
    group_by: str | None
    """None where the groups' hyperparameter is an axis."""

    groups: Mapping[str, Sequence[TrialView]]

    def cell(self, trial: TrialView) -> Cell | None:
        """Return the cell that counts a trial; None: it lacks a value on an axis."""
        params = trial["params"]
        found = [a.cell(params[a.name]) if a.name in params else None for a in self.axes]
        known = tuple(cell for cell in found if cell is not None)
        return known if len(known) == len(found) else None

    def cells(self, trials: Sequence[TrialView]) -> dict[Cell, list[TrialView]]:
        """Sort the trials of a group into cells; those that none counts are left out."""
        found: dict[Cell, list[TrialView]] = {}
        for trial in trials:
            if (cell := self.cell(trial)) is not None:
                found.setdefault(cell, []).append(trial)
        return dict(sorted(found.items()))

    def words(self, cell: Cell) -> str:
        """Tell the values of a cell on each axis."""
        return ", ".join(f"{axis.name} {axis.words(i)}"
                         for axis, i in zip(self.axes, cell, strict=True))  # fmt: skip

    def elsewhere(self, trials: Sequence[TrialView]) -> int:
        """Count the trials of a group that no cell counts."""
        return sum(self.cell(trial) is None for trial in trials)

    def left_out(self) -> str:
        """Tell in words how many trials no cell counts; empty if there is none."""
        count, every = (sum(map(of, self.groups.values())) for of in (self.elsewhere, len))
        names = " or ".join(axis.name for axis in self.axes)
        return f"Left out: {count} of {every} trials, without a place along {names}." * bool(count)

    def as_json(self) -> dict[str, Any]:
        """Return the counts of every cell with a trial; `ended` are those whose end is known."""
        return {
            "over": [axis.name for axis in self.axes],
            "by": self.group_by,
            "cells": [
                {"group": name, "ranges": {a.name: a.told(i) for a, i in at}, **_counts(trials)}
                for name, at, trials in self._each()
            ],
            "elsewhere": {name: self.elsewhere(trials) for name, trials in self.groups.items()},
        }

    def table(self) -> Table:
        """Return a row for every cell with a trial."""
        head = [self.group_by or "stratum", *(axis.name for axis in self.axes)]
        failures = [kind for kind in Outcome if kind not in (Outcome.CONVERGED, Outcome.PRUNED)]
        rows = [[name, *(axis.words(cell) for axis, cell in at), *_counts(trials).values(),
                 success_rate(trials).share,
                 *(sum(outcome(trial) == kind for trial in trials) for kind in failures)]
                for name, at, trials in self._each()]  # fmt: skip
        return Table([*head, "converged", "ended", "unknown", "rate", *failures], rows)

    def _each(self) -> list[tuple[str, list[tuple[MapAxis, int]], list[TrialView]]]:
        """List the name of its group, the axes with its place on each and the trials of a cell."""
        return [(name, list(zip(self.axes, cell, strict=True)), trials)
                for name, group in self.groups.items()
                for cell, trials in self.cells(group).items()]  # fmt: skip


def stability_map(
    trials: Sequence[TrialView], map_axis: str, group_by: str | None, axes: Sequence[MapAxis] = ()
) -> StabilityMap | None:
    """Map trials over `axes`, or else the logarithm of `map_axis`, for each value of `group_by`.

    None where no axes are given and `map_axis` is positive nowhere.
    """
    by = None if group_by in [axis.name for axis in axes] else group_by
    groups = titles(strata(trials, by), by)
    usual = () if axes else (log_axis(trials, map_axis, max(1, len(groups))),)
    drawn = [axis for axis in (*axes, *usual) if axis is not None]
    return StabilityMap(axes=drawn, group_by=by, groups=groups) if drawn else None


def map_regions(
    groups: Mapping[str, Sequence[TrialView]], names: Sequence[str], group_by: str | None
) -> Table | None:
    """Say for each group where along each number of `names` it is stable; None without one."""
    numbers = [name for name in names for group in groups.values() for trial in group
               if finite_number(trial["params"].get(name)) is not None]  # fmt: skip
    tables = [one for name in dict.fromkeys(numbers)
              if (one := stable_regions(groups, name, group_by))]  # fmt: skip
    if not tables:
        return None
    told = [{str(name): words for name, words in one.rows} for one in tables]
    rows = [[name, *(one.get(name, "") for one in told)] for name in groups
            if any(name in one for one in told)]  # fmt: skip
    return Table([tables[0].head[0], *(one.head[1] for one in tables)], rows)


def cell_words(rate: SuccessRate) -> str:
    """Tell a cell's count, and within which bounds its rate is where trials were pruned.

    >>> cell_words(SuccessRate(converged=1, pruned=2, trials=4, low=0.05, high=0.97))
    '1 of 2 converged, 2 pruned are unknown: 25% to 75%'
    """
    pruned = f", {rate.pruned} pruned are unknown" if rate.pruned else ""
    return f"{rate.converged} of {rate.trials - rate.pruned} converged{pruned}: {rate.share}"


def _counts(trials: Sequence[TrialView]) -> dict[str, int]:
    rate = success_rate(trials)
    return {"converged": rate.converged, "ended": rate.trials - rate.pruned, "unknown": rate.pruned}
