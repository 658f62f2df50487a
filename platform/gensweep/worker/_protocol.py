"""The coordinator as a pack sees it, wherever both of them run."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from gensweep.trial import (
    LanePointer,
    Lease,
    LeaseId,
    StateCopy,
    TrialEnd,
    TrialReport,
    Verdict,
)

Stratum = Mapping[str, object]
"""Values of the hyperparameters that all trials of a pack share."""

Order = Literal["go", "save", "stop"]
"""Train on, store a checkpoint of every lane first, or store one and end."""


class CoordinatorProtocol(Protocol):
    """The side that hands out trials and hears of them. One pack calls, from one thread."""

    def lease(self, count: int, stratum: Stratum | None) -> Sequence[Lease]:
        """Return up to `count` trials to train; `stratum` None: of the one that most needs it."""

    def prefetch_leases(self, count: int, stratum: Stratum | None) -> None:
        """Prefetch `count` leases in the background.

        The next `lease` call with at least that count returns them first.
        """

    def report(self, report: TrialReport) -> None:
        """Tell what a trial measured at a rung, without waiting for an answer: see `verdicts`."""

    def verdicts(self, *, wait: bool) -> Mapping[LeaseId, Verdict]:
        """Return what has been decided since the last call; `wait` until all has.

        By lease: what was reported of a trial before it was lost says nothing of its next attempt.
        """

    def choose_donor(self, number: int, images: int, here: Sequence[int]) -> int | None:
        """Choose which of the trials `here` trial `number` should copy; None: it keeps its own
        weights."""

    def record_copy(self, number: int, copy: StateCopy) -> None:
        """Tell that trial `number` goes on from another one's state."""

    def checkpoints(self, lanes: Mapping[LeaseId, bytes]) -> Sequence[LeaseId]:
        """Store the lanes in the background; return leases of earlier calls that are lost."""

    def restore(self, pointer: LanePointer, number: int) -> bytes | None:
        """Read the newest checkpoint of the lane that is whole; None: it begins again."""

    def finish(self, end: TrialEnd, weights: bytes, png: bytes, rungs: Mapping[int, bytes]) -> None:
        """End a trial, in the background: first its weights and sample grid are stored."""

    def note_alive(self) -> None:
        """Tell that the pack lives, in the midst of long work."""

    def heartbeat(self, seen: Mapping[int, int]) -> Order:
        """Tell that the pack lives, and the images that each of its trials has seen."""

    def settle(self) -> None:
        """Wait until the ends that were told are stored and known to the coordinator."""

    def release_all(self) -> None:
        """Let all trials that the pack holds wait again, from their last checkpoints."""

    def add_usage(self, lane_seconds: Mapping[str, float]) -> None:
        """Tell what the lanes did since the last call: kind to lane-seconds."""
