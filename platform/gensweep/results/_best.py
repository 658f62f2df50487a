"""Finds the best configuration of a sweep, and the trial that stands for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.results._records import trial_views
from gensweep.study import SweepSnapshot
from gensweep.trial import TrialView


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """A configuration of a sweep, and the trial that stands for it."""

    group: int
    """Number of the configuration's first trial."""
    params: dict[str, Any]
    value: float
    """Mean over the seeds of those trials that were completed."""
    values: tuple[float, ...]
    """Of each of them, the one that stands for it first."""
    trials: int
    """Those of the configuration that have ended."""
    trial: TrialView
    """The seed in the middle by the metric."""


def best_configuration(trials: Sequence[TrialView], objective: Objective) -> Best | None:
    """Return the first of `Objective.configurations`; None if none is ranked.

    `trials` are those that have ended.
    """
    found = objective.configurations(trials)
    if not found:
        return None
    first = found[0]
    trial = first.trials[0]
    values = tuple(objective.sign * value for value in first.values[: len(first.trials)])
    return Best(
        group=trial["group"], params=trial["params"], value=first.mean * objective.sign,
        values=values, trials=len(first.values), trial=trial,
    )  # fmt: skip


def best_of(snapshot: SweepSnapshot) -> Best:
    """Return the best configuration of a sweep; `UserError` if none is ranked yet."""
    objective = Objective(**snapshot.spec["objective"])
    views = trial_views(record for record in snapshot.records if record.state.ended)
    found = best_configuration(views, objective)
    if found is None:
        raise UserError(f"no trial of sweep {snapshot.name!r} is ranked by {objective.metric}: "
                        f"`gensweep results {snapshot.name}` tells how they ended.")  # fmt: skip
    return found


def trial_of(snapshot: SweepSnapshot, number: int | None) -> TrialView:
    """Return the trial of that number, None: that of the best configuration; or `UserError`."""
    if number is None:
        return best_of(snapshot).trial
    chosen = [record for record in snapshot.records if record.number == number]
    if not chosen:
        raise UserError(f"sweep {snapshot.name!r} has no trial {number}: it has "
                        f"{len(snapshot.records)} so far, from 0 on.")  # fmt: skip
    return trial_views(chosen)[0]
