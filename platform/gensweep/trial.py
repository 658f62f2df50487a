"""The vocabulary of trials: states, outcomes and verdicts, leases, records and views."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, NotRequired, Protocol, Self, TypedDict, final

from gensweep.learning_curve import CurvePoint, History, StoredCurve, store_curve


class TrialState(StrEnum):
    """The state of a trial: one row a state, with all that its readers ask of it.

    The order is that of listings. A member is a plain string wherever it is written (ledger, JSON,
    tags of MLflow); `TrialState(text)` reads it back, or raises `ValueError` for another word.

    >>> TrialState("leased").shown, TrialState.PRUNED.ended, f"{TrialState.PRUNED}"
    ('training', True, 'pruned')
    """

    #             value        shown        run_status   ended  infeasible
    COMPLETED = "completed", "completed", "FINISHED", True, False
    PRUNED = "pruned", "pruned", "FINISHED", True, False
    DIVERGED = "diverged", "diverged", "FINISHED", True, True
    COLLAPSED = "collapsed", "collapsed", "FINISHED", True, True
    FAILED = "failed", "failed", "FAILED", True, False
    CANCELLED = "cancelled", "cancelled", "KILLED", True, False
    LEASED = "leased", "training", "RUNNING", False, False
    QUEUED = "queued", "waiting", "SCHEDULED", False, False

    shown: str
    """As users read it in progress lines and tables."""
    run_status: str
    """Of its run in MLflow. Divergence is a result: the run finished, and a tag says how."""
    ended: bool
    """Whether it is final: the trial is never handed out again."""
    infeasible: bool
    """Whether the sampler learns it as a violated constraint, not as a value."""

    # Defaults, which no row takes, let type checkers accept `TrialState(text)`.
    def __new__(
        cls,
        value: str,
        shown: str = "",
        run_status: str = "",
        ended: bool = False,
        infeasible: bool = False,
    ) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.shown, member.run_status = shown, run_status
        member.ended, member.infeasible = ended, infeasible
        return member


class Outcome(StrEnum):
    """The outcome of a trial, as verdicts, figures and their colours group it, in their order.

    The first four are an evaluator's verdicts on samples. `Outcome.of` groups what a record tells.
    """

    #             value         state                 failure
    CONVERGED = "converged", TrialState.COMPLETED, False
    UNCONVERGED = "unconverged", TrialState.COMPLETED, True
    COLLAPSED = "collapsed", TrialState.COLLAPSED, True
    DIVERGED = "diverged", TrialState.DIVERGED, True
    PRUNED = "pruned", TrialState.PRUNED, False
    OTHER = "other", TrialState.FAILED, False

    state: TrialState
    """In which a trial ends by this verdict; any other state is grouped as `OTHER`."""
    failure: bool
    """Whether the report shows a typical trial of the kind, for what goes wrong."""

    def __new__(cls, value: str, state: TrialState, failure: bool) -> Self:
        member = str.__new__(cls, value)
        member._value_, member.state, member.failure = value, state, failure
        return member

    @classmethod
    def of(cls, told: str) -> Outcome:
        """The group of a verdict, or of the state of a trial that has none.

        >>> Outcome.of("pruned"), Outcome.of(TrialState.FAILED)
        (<Outcome.PRUNED: 'pruned'>, <Outcome.OTHER: 'other'>)
        """
        return next((outcome for outcome in cls if outcome == told), cls.OTHER)


class Verdict(StrEnum):
    """The decision on a trial that reported."""

    CONTINUE = "continue"
    PRUNE = "prune"
    WAIT = "wait"
    """Others of its cohort have not come so far: the lane is stored and left, and the trial goes on
    or ends by a later decision."""
    LOST = "lost"
    """Another pack has the trial by now: the lane is dropped without a word about its end."""


class RungVerdict(NamedTuple):
    """The verdict that a pruner gave at a rung; the ledger keeps it as a list of three numbers.

    It is of the trial, not of an attempt: a trial that is trained again measures the same there.
    """

    rung: int
    """In images."""

    decided_at: int
    """Verdicts and ends that the study had decided before."""

    is_pruned: int
    """1 if the trial was stopped there, 0 if it went on."""


LeaseId = tuple[int, int]
"""Number and attempt of a lease, which fence off whoever had the trial before."""


class StaleLease(RuntimeError):  # noqa: N818  (it tells the holder to stop, not what it did wrong)
    """The trial was given to somebody else, or has ended: drop the lane and ask for another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to train one trial; valid until released, expired or finished."""

    number: int
    owner: str
    attempt: int
    """Counts from 1; with `number` it identifies the lease, across restarts too."""
    params: dict[str, Any]
    seed: int
    group: int
    """Number of the first trial with these parameters (see `repeats`)."""
    stratum: dict[str, Any]
    confirm_round: int = 0
    """See `TrialRecord`."""
    checkpoint: LanePointer | None
    """Where an earlier attempt left off, or was set aside; None: from the start."""
    images: int
    """Images seen as last reported by an earlier attempt."""

    @property
    def id(self) -> LeaseId:
        """The lease among all of the sweep."""
        return self.number, self.attempt


class RankedTrial(Protocol):
    """A trial as far as it is ranked, for readers that change nothing."""

    @property
    def number(self) -> int: ...
    @property
    def state(self) -> TrialState: ...
    @property
    def group(self) -> int: ...
    @property
    def confirm_round(self) -> int: ...
    @property
    def images(self) -> int: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRecord:
    """A trial as the study knows it."""

    number: int
    state: TrialState
    cause: str
    params: dict[str, Any]
    metrics: dict[str, float]
    result: StoredResult
    """What else its pack told at its end."""
    images: int
    attempts: int
    lost: int
    """Times that its pack died or fell silent, except with a host."""
    hosts: int
    """Times that its pack was lost with a host."""
    seed: int
    group: int
    confirm_round: int
    """Round of the confirmation that drew it, from 1 on; 0: the search did."""
    created: float
    started: float | None
    ended: float | None
    """Seconds of the study's clock."""
    drawn_at: int
    """Verdicts and ends that the study had decided before: the history that it was drawn from."""
    fitted_at: list[int] | None = None
    """[verdicts and ends decided, trials drawn] of that history, where its sampler's estimate is
    older than `drawn_at`; None: as they were then, or it was drawn by no sampler that learns."""
    verdicts: list[RungVerdict]
    ended_at: int | None
    """As `drawn_at`; None before its end, or if an earlier version ended it."""


def trial_seed(sweep_seed: int, number: int) -> int:
    """Derive a trial's seed, below 2**48 so that JSON readers with doubles keep it.

    >>> trial_seed(0, 0) == trial_seed(0, 0) != trial_seed(0, 1)
    True
    """
    digest = hashlib.sha256(f"{sweep_seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Keep the metrics that are finite: JSON and databases disagree about the others."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


LINEAGE: Final = "lineage"
"""Of a lane's state and a trial's result: [{"images", "from", "params"}], a copy each."""


class Course(TypedDict, total=False):
    """The course of a trial: how training went, and copies of population-based training."""

    history: History
    """In a ledger of an earlier version, which had a point for each evaluation."""
    lineage: list[StateCopy]


class StoredResult(Course, total=False):
    """The part of a trial's end that the ledger keeps beside state and metrics, as JSON.

    A trial that has not ended, or whose packs kept dying, has nothing of it.
    """

    curves: dict[str, list[list[float]]]
    """By sampling hyperparameter, [value, fidelity, variety] along its grid."""
    intervals: dict[str, list[float]]
    learning: StoredCurve
    kept: ArtifactPointer
    outcome: str


class TrialView(TypedDict):
    """A trial as tables, the report and `gensweep results --json` show it: plain JSON."""

    number: int
    group: int
    """Number of the first trial with these parameters: a group is one configuration."""
    confirm_round: NotRequired[int]
    """As of `TrialRecord`."""
    state: str
    """Value of a `TrialState`."""
    outcome: str
    """Value of an `Outcome`, or the state of a trial without a verdict."""
    cause: str
    params: dict[str, Any]
    metrics: dict[str, float]
    curves: dict[str, list[list[float]]]
    """By sampling hyperparameter, [value, fidelity, variety] along its grid, where measured."""
    intervals: dict[str, list[float]]
    """By metric, the low and high end of its 95 % interval; empty before the trial's end, and of
    sweeps of earlier versions."""
    kept: ArtifactPointer | dict[str, Any]
    """Where the store has its weights and samples; empty if it has none."""
    images: int
    """Training examples seen."""
    seconds: NotRequired[float]
    """From being handed out to its end, beside the others of its pack; of one that had one pack."""
    history: NotRequired[History]
    lineage: NotRequired[list[StateCopy]]
    """Copies as of `Course`."""
    seed: int
    attempts: int
    """Packs that have trained it."""
    pack_losses: int
    """Packs that died or fell silent with it, in all; but for `host_losses`."""
    host_losses: int


@final
class CheckpointPointer(TypedDict):
    """A pointer to a lane's newest checkpoint, as JSON."""

    owner: str
    """The folder of the pack that wrote it, below the sweep's checkpoints."""
    step: int


@final
class ArtifactPointer(TypedDict):
    """A pointer to the weights and samples of a trial that ended, or waits, as JSON."""

    place: str
    step: int


LanePointer = CheckpointPointer | ArtifactPointer
"""Where a lane is stored that another attempt goes on from."""

StateCopy = TypedDict("StateCopy", {"images": int, "from": int, "params": dict[str, Any]})
"""One copy of population-based training: when, from which trial, and the changed values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialReport:
    """A trial's metrics at a rung, as its pack tells the coordinator."""

    number: int
    attempt: int
    """Of the lease under which it was trained: one of an earlier lease is refused."""

    images: int
    """Training examples that the trial had seen."""

    metrics: Mapping[str, float]
    png: bytes = b""
    """The sample grid."""

    points: Sequence[CurvePoint] = ()
    """Of the learning curve, those for the tracker since the report before."""

    @property
    def lease(self) -> LeaseId:
        """The lease under which it was trained."""
        return self.number, self.attempt


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialEnd:
    """A trial's end, as its pack tells the coordinator once its weights are stored."""

    number: int
    attempt: int
    """As of `TrialReport`."""

    state: TrialState
    cause: str
    images: int
    """Training examples that the trial has seen."""

    outcome: str
    """The verdict on its samples (an `Outcome`), or its state where there is none."""

    waits: bool = False
    """Whether it ends only if its cohort's verdict is to stop it: until then it is set aside."""

    report: TrialReport | None = None
    """Of the evaluation that ended it; None if it ended between two, or was reported before."""

    curves: Mapping[str, tuple[tuple[float, float, float], ...]] = field(default_factory=dict)
    """By sampling hyperparameter, values of its grid with fidelity and variety, if measured."""

    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By metric, its 95 % interval, where it has one."""

    points: Sequence[CurvePoint] = ()
    """The whole learning curve."""

    points_stride: int = 1
    """Every which of them is for the tracker."""

    lineage: tuple[StateCopy, ...] = ()
    artifacts: ArtifactPointer | None = None
    """None: it left no weights."""

    @property
    def tracked_points(self) -> Sequence[CurvePoint]:
        """The points that are for the tracker."""
        return self.points[self.points_stride - 1 :: self.points_stride]

    def stored(self, state: TrialState) -> StoredResult:
        """Return what the ledger keeps, for a trial that ends in `state`.

        Where that is not the state in which its pack saw it end, it is the outcome too.
        """
        found: StoredResult = {}
        if curves := {n: [list(point) for point in c] for n, c in self.curves.items() if c}:
            found["curves"] = curves
        if self.intervals:
            found["intervals"] = {name: list(ends) for name, ends in self.intervals.items()}
        if self.points:
            found["learning"] = store_curve(self.points)
        if self.artifacts:
            found["kept"] = self.artifacts
        if self.lineage:
            found["lineage"] = list(self.lineage)
        found["outcome"] = self.outcome if state == self.state else state
        return found
