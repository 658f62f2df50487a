"""Finds the best configuration of a sweep: by the median over its seeds, not by the luckiest."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
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
    """Median over the seeds of those trials that were completed."""
    values: tuple[float, ...]
    """Of each of them, the best first."""
    trials: int
    """Those of the configuration that have ended."""
    trial: TrialView
    """The one in the middle; of an even number the better of the two."""


def best_configuration(trials: Sequence[TrialView], objective: Objective) -> Best | None:
    """Return the configuration whose seeds are best in their median; None if none is ranked.

    A seed without a value counts as the worst. `trials` are those that have ended.
    """
    groups: dict[int, list[TrialView]] = {}
    for trial in trials:
        groups.setdefault(trial["group"], []).append(trial)
    draws = {number: objective.signed_values(group) for number, group in groups.items()}
    ranked = sorted(
        (number for number in groups if objective.ranked(groups[number])),
        key=lambda number: (median(draws[number]), min(draws[number])),
    )
    return configuration(groups[ranked[0]], objective) if ranked else None


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


def configuration(group: Sequence[TrialView], objective: Objective) -> Best:
    """Describe a configuration by its trials, of which one at least is ranked."""
    ranked = objective.ranked(group)
    values = tuple(float(trial["metrics"][objective.metric]) for trial in ranked)
    middle = ranked[min((len(group) - 1) // 2, len(ranked) - 1)]
    return Best(
        group=middle["group"], params=middle["params"], value=median(values), values=values,
        trials=len(group), trial=middle,
    )  # fmt: skip
