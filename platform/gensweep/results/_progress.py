"""Tells how far a sweep is, from the ledger alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gensweep.objective import Objective
from gensweep.results._records import trial_views
from gensweep.study import SweepSnapshot
from gensweep.trial import TrialState

NOT_BEGUN = "not begun"


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepProgress:
    """A sweep at one moment, as whoever reads the ledger sees it."""

    name: str
    model: str
    data: str
    trials: int
    """As many as it was last asked for."""
    states: Mapping[str, int]
    """Trials in each state that occurs, and those that have not begun, as users read them."""
    metric: str
    best: float | None
    best_trial: int | None
    images: int
    """Training examples that all trials have seen, as they last told."""
    images_left: int
    hours: float
    """That it was open, over all sessions."""

    @classmethod
    def of(cls, snapshot: SweepSnapshot) -> Self:
        """Count a snapshot."""
        spec, records = snapshot.spec, snapshot.records
        objective = Objective(**spec["objective"])
        ranked = objective.configurations(trial_views(records))
        states = {state.shown: count for state, count in snapshot.states.items()}
        left = max(0, snapshot.planned - len(records))
        going = [record for record in records if not record.state.ended]
        budget = int(spec["budget_images"])
        return cls(
            name=snapshot.name, model=spec["model"], data=spec["data"], trials=snapshot.planned,
            states=states | ({NOT_BEGUN: new} if (new := snapshot.not_begun) else {}),
            metric=objective.metric,
            best=objective.sign * ranked[0].mean if ranked else None,
            best_trial=ranked[0].trials[0]["number"] if ranked else None,
            images=sum(record.images for record in records),
            images_left=left * budget + sum(max(0, budget - record.images) for record in going),
            hours=snapshot.hours,
        )  # fmt: skip

    @property
    def is_complete(self) -> bool:
        """True once every trial that was asked for has ended."""
        running = {state.shown for state in TrialState if not state.ended} | {NOT_BEGUN}
        return not running & self.states.keys()

    def waits_for(self) -> str:
        """Say what must happen next, in words."""
        if self.is_complete:
            return "its report, which the driver writes"
        training = self.states.get(TrialState.LEASED.shown, 0)
        if training:
            return f"{training} trials that train" if training > 1 else "a trial that trains"
        return "packs, which the cluster starts"


class PaceMeter:
    """Examples a second since the meter was made; before any was seen, over the sweep's hours."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def update(self, progress: SweepProgress, now_s: float) -> float:
        """Return the rate at the moment `now_s`; 0 where it is too early to tell."""
        if self._first is None:
            self._first = progress.images, now_s
        images, since = self._first
        if progress.images > images:
            return (progress.images - images) / (now_s - since)
        return progress.images / (progress.hours * 3600) if progress.hours else 0.0
