"""Chooses the trials that stand for others: the best, and the one in the middle of each outcome."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gensweep.objective import Objective, finite_number
from gensweep.report._outcomes import outcome
from gensweep.trial import Outcome, TrialView


class TypicalTrial(NamedTuple):
    """A trial, and what it stands for in words."""

    trial: TrialView
    role: str


def typical_trials(trials: Sequence[TrialView], objective: Objective) -> list[TypicalTrial]:
    """Choose the best trial, and the middle one of each outcome by the metric; none twice.

    Pictures and learning curves are of the same ones.
    """
    best = objective.ranked(trials)[:1]
    chosen = [TypicalTrial(trial, "the best") for trial in best]
    for kind in Outcome:
        group = [trial for trial in trials if outcome(trial) == kind]
        if group and (middle := middle_trial(group, objective.metric)) not in best:
            is_median = objective.metric in middle["metrics"]
            which = "the median" if is_median else "one"
            chosen.append(TypicalTrial(middle, f"{which} of {len(group)} {kind}"))
    return chosen


def middle_trial(trials: Sequence[TrialView], metric: str) -> TrialView:
    """Return the trial in the middle by `metric`."""
    return by_metric(trials, metric)[len(trials) // 2]


def by_metric(trials: Sequence[TrialView], metric: str) -> list[TrialView]:
    """Sort trials by `metric`, the least first; those that lack it come last."""

    def value_or_last(trial: TrialView) -> float:
        found = finite_number(trial["metrics"].get(metric))
        return math.inf if found is None else found

    return sorted(trials, key=value_or_last)
