"""A trial's line in the ledger."""

from dataclasses import dataclass, field
from typing import Any

from gensweep.trial import (
    LanePointer,
    RungVerdict,
    StoredResult,
    TrialRecord,
    TrialState,
)


@dataclass(slots=True)
class TrialEntry:
    """A trial as it is stored; only `Study` changes one, after it has written the change."""

    number: int
    id: int
    """Optuna's, which is unique over all studies of a storage."""
    params: dict[str, Any]
    seed: int = 0
    group: int = 0
    confirm_round: int = 0
    state: TrialState = TrialState.QUEUED
    cause: str = ""
    owner: str = ""
    drawn_at: int = 0
    """Verdicts and ends that the study had decided before it was drawn: what a sampler that learns
    drew it from."""
    fitted_at: list[int] | None = None
    """[verdicts and ends decided, trials drawn] of what it was drawn from, where that is older."""
    verdicts: list[RungVerdict] = field(default_factory=list)
    waits_at: int = 0
    """Rung, in images, at which it was set aside until its cohort is judged; 0: it was not."""
    ended_at: int | None = None
    """As `drawn_at`; None before it has ended, or if an earlier version ended it."""
    attempts: int = 0
    lost: int = 0
    """Times that its pack died or fell silent, but for `hosts`."""
    hosts: int = 0
    """Times that its pack was lost with a host."""
    lost_at: int = 0
    """Images that it had seen at the last loss: if it got further, the next row begins."""
    errors_in_row: int = 0
    """Packs lost in this row that left an error or fell silent."""
    kills_in_row: int = 0
    hosts_in_row: int = 0
    images: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    result: StoredResult = field(default_factory=StoredResult)
    checkpoint: LanePointer | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None

    def record(self) -> TrialRecord:
        """Copy the entry for readers outside."""
        return TrialRecord(
            params=dict(self.params), metrics=dict(self.metrics), result=self.result.copy(),
            verdicts=list(self.verdicts),
            **{name: getattr(self, name) for name in _SHOWN},
        )  # fmt: skip


_SHOWN = ("number", "state", "cause", "images", "attempts", "lost", "hosts", "seed", "group",
          "confirm_round", "created", "started", "ended", "drawn_at", "fitted_at",
          "ended_at")  # fmt: skip
