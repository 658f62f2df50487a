"""Summarises a sweep at one moment, for lines of progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gensweep.objective import Objective
from gensweep.trial import TrialRecord, TrialState


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressSummary:
    """A sweep at one moment, as the coordinator tells the driver."""

    states: Mapping[str, int]
    """Trials in each state that occurs."""

    images: int
    """Training examples that all trials have seen."""

    images_left: int
    """Those that trials still have to see."""

    metric: str
    best: float | None
    """The best value of a completed trial."""

    leader: float | None
    """The best value that a pruned or unfinished trial has reported."""

    notes: Sequence[str]
    """What happened to packs since the beginning; it only grows."""

    cost: float
    """Money so far; 0 where nothing has a price."""


def best_value(
    records: Sequence[TrialRecord], objective: Objective, *states: TrialState
) -> float | None:
    """Return the best value that a trial in one of the states has reported."""
    metric, sign = objective.metric, objective.sign
    values = [r.metrics[metric] for r in records if r.state in states and metric in r.metrics]
    return min(values, key=lambda value: sign * value, default=None)
