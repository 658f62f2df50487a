"""Summarises a sweep at one moment, for lines of progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from gensweep.coordinator._session_memory import SessionState
from gensweep.objective import Objective
from gensweep.study import Study
from gensweep.trial import RankedTrial, TrialState, TrialView


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
    """The mean of the best configuration over the seeds that were completed."""

    leader: float | None
    """The best value that a pruned or unfinished trial has reported."""

    notes: Sequence[str]
    """What happened to packs since the beginning; it only grows."""

    last_death: str
    """What the pack died of that died last; empty if none did."""

    waits: str
    """What server packs or the tracker wait for, and since when; empty if for none."""

    cost: float
    """Money so far; 0 where nothing has a price."""

    not_begun: int = 0
    """Trials that the sweep will have, and that are not drawn yet."""


def summarise(
    study: Study, images_seen: Mapping[int, int], session: SessionState, waits: str
) -> ProgressSummary:
    """Summarise a study, of whose trials `images_seen` tells more than it has heard."""
    counts, records = study.summary(), study.ranked()
    objective, budget = study.spec.objective, study.spec.budget_images
    ended = [r.number for r in records if r.state.ended]
    images = sum(images_seen.values())
    saved = sum(budget - images_seen.get(number, 0) for number in ended)
    return ProgressSummary(
        states=counts.states,
        images=images,
        images_left=max(0, counts.target * budget - images - saved),
        metric=objective.metric,
        best=best_mean(records, objective),
        leader=leading_value(records, objective),
        notes=tuple(session.notes),
        last_death=session.packs.last_death(),
        waits=waits,
        cost=study.cost(),
        not_begun=max(0, counts.target - len(records)),
    )


def best_mean(records: Sequence[RankedTrial], objective: Objective) -> float | None:
    """Return the mean of the best configuration over its completed seeds; None before the first."""
    views = [{"group": r.group, "confirm_round": r.confirm_round, "state": r.state,
              "metrics": r.metrics} for r in records]  # fmt: skip
    ranked = objective.configurations(cast(list[TrialView], views))
    return objective.sign * ranked[0].mean if ranked else None


def leading_value(records: Sequence[RankedTrial], objective: Objective) -> float | None:
    """Return the best value that a pruned or unfinished trial has reported."""
    metric, states = objective.metric, (TrialState.LEASED, TrialState.PRUNED)
    values = [r.metrics[metric] for r in records if r.state in states and metric in r.metrics]
    return min(values, key=lambda value: objective.sign * value, default=None)
