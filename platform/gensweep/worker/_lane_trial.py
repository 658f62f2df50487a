"""A pack's knowledge of the trial in one of its lanes."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

from gensweep.lanes import CURVE_PARTS, LanePoint, Progress
from gensweep.learning_curve import CurvePoint, curve_from_json
from gensweep.trial import LINEAGE, Lease, Outcome, StateCopy, finite
from gensweep.worker._onset import Onset, signs

if TYPE_CHECKING:
    from gensweep.evaluation import Evaluation

LEARNING = "learning"
"""Key of a stored lane: the points of its trial's learning curve."""
PEAK = "peak_variety"
"""Key of a stored lane: the largest variety that its trial has shown, if it has shown any."""
PICTURES = "pictures"
"""Key of a stored lane: its trial's sample grids at earlier rungs, in base64, by images seen."""
MOST_PICTURES = 5
"""Rungs before the last of which a trial keeps its grid, evenly spaced."""
ONSET = "onset"
"""Key of a stored lane: when its trial began to fail, as its evaluations tell."""
TICKS_A_VALUE = 13
"""Training for which one value of a learning curve is told to the tracker, which takes 0.15 ms of a
processor for it; the cheapest lanes take 0.5 ms for a tick, so that this is some 2 % of a sweep."""
_STRIDES = tuple(n for n in range(1, CURVE_PARTS + 1) if CURVE_PARTS % n == 0)
GAIN, NOISE = 1.1, 0.02
"""By how much a slow trial's variety must exceed its largest so far: chance gives less."""


@dataclass(frozen=True, slots=True)
class HeldResult:
    """A result that ends its trial if the coordinator prunes it; the lane rests meanwhile."""

    evaluation: "Evaluation"
    progress: Progress


@dataclass(slots=True)
class LaneTrial:
    """A trial in a lane, and when it is evaluated next."""

    lease: Lease
    stops: tuple[int, ...]
    """Ticks of the lane at which the trial is evaluated; the last is its end."""

    peak_variety: float | None = None
    """The largest so far; None before the first evaluation."""

    onset: Onset = field(default_factory=Onset)
    """When it began to fail, if it does."""

    lineage: list[StateCopy] = field(default_factory=list)
    """The states that it took over, of population-based training."""

    points: list[CurvePoint] = field(default_factory=list)
    """The learning curve."""

    points_told: int = 0
    """How many of them the coordinator has heard of since the trial was leased."""

    reached: int = 0
    """Evaluations so far."""

    pictures: dict[int, bytes] = field(default_factory=dict)
    """Its sample grids (PNG) at some earlier rungs, by images seen."""

    held_result: HeldResult | None = None
    """What it rests upon until the verdict has come; None: it trains."""

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.lease.number

    @property
    def next_stop(self) -> int:
        """Ticks at which the trial is evaluated next."""
        return self.stops[self.reached]

    @property
    def is_last_stop(self) -> bool:
        """Return whether the next evaluation is the last."""
        return self.reached + 1 == len(self.stops)

    def skip_stops(self, ticks: int) -> None:
        """Leave out the evaluations that a trial which goes on after `ticks` has had."""
        while self.next_stop <= ticks and not self.is_last_stop:
            self.reached += 1

    def reconsider(self, evaluation: "Evaluation", images: int) -> "Evaluation":
        """Keep the variety at so many `images`, and return the verdict that it allows.

        A trial that is judged collapsed while its samples still gain variety is slow. The cause of
        one that has collapsed or diverged says between which evaluations that began, and which
        signs of it the learning curve shows since when.
        """
        evaluation = self._of_slow(evaluation)
        failed = evaluation.outcome in (Outcome.COLLAPSED, Outcome.DIVERGED)
        self.onset = self.onset.after(images, failed=failed)
        if not failed:
            return evaluation
        told = filter(None, (evaluation.cause, self.onset.words, signs(self.points)))
        return replace(evaluation, cause="; ".join(told))

    def _of_slow(self, evaluation: "Evaluation") -> "Evaluation":
        variety, before = evaluation.variety, self.peak_variety
        self.peak_variety = variety if before is None else max(before, variety)
        gains = before is not None and variety > GAIN * before + NOISE
        if evaluation.outcome is not Outcome.COLLAPSED or not gains:
            return evaluation
        cause = f"{evaluation.cause}, still gaining variety"
        return replace(evaluation, outcome=Outcome.UNCONVERGED, cause=cause)

    def remember(self, points: Sequence[LanePoint], batch_size: int, time_ms: int) -> None:
        """Note points of the learning curve; means that are not finite are left out."""
        self.points += [CurvePoint(point.ticks * batch_size, time_ms, finite(point.metrics))
                        for point in points]  # fmt: skip

    @property
    def points_stride(self) -> int:
        """Every which point of the curve is told to the tracker: all, unless the trial is short."""
        # Not the most: a point in five has what is measured once in a tenth of the budget.
        values = median([len(point.metrics) for point in self.points] or [0]) * CURVE_PARTS
        ticks = self.stops[-1]
        fitting = (n for n in _STRIDES if values * TICKS_A_VALUE <= n * ticks)
        return min(next(fitting, CURVE_PARTS), ticks)

    def picture(self, images: int, png: bytes) -> None:
        """Keep the grid of the rung just reached, if it is one of those to be shown."""
        earlier = len(self.stops) - 1
        step = -(-earlier // MOST_PICTURES)
        if png and (earlier - self.reached) % step == 0:
            self.pictures[images] = png

    def take_pictures(self, images: int) -> dict[int, bytes]:
        """Hand over the grids of rungs before `images`; the lane then no longer holds any."""
        taken, self.pictures = self.pictures, {}
        return {at: png for at, png in taken.items() if at < images}

    def new_points(self) -> list[CurvePoint]:
        """Take the points that the tracker is told and has not heard of."""
        begin, self.points_told = self.points_told, len(self.points)
        stride = self.points_stride
        return [self.points[at] for at in range(begin, len(self.points)) if (at + 1) % stride == 0]

    def to_meta(self) -> dict[str, object]:
        """Return what a checkpoint of the lane must hold besides its tensors, as JSON."""
        lineage = {LINEAGE: self.lineage} if self.lineage else {}
        points = [[point.images, point.time_ms, point.metrics] for point in self.points]
        learning = {LEARNING: points} if points else {}
        grids = {str(at): base64.b64encode(png).decode() for at, png in self.pictures.items()}
        pictures = {PICTURES: grids} if grids else {}
        return {PEAK: self.peak_variety, ONSET: self.onset.to_json(), **learning, **lineage,
                **pictures}  # fmt: skip

    @classmethod
    def from_meta(
        cls, lease: Lease, stops: tuple[int, ...], meta: Mapping[str, object]
    ) -> "LaneTrial":
        """The trial of a lane that was stored with `meta`, or of a fresh one, with none."""
        peak, lineage, points = meta.get(PEAK), meta.get(LINEAGE, []), meta.get(LEARNING, [])
        onset, grids = meta.get(ONSET, []), meta.get(PICTURES, {})
        assert isinstance(onset, list)
        assert peak is None or isinstance(peak, float | int)
        assert isinstance(lineage, list)
        assert isinstance(points, list)
        assert isinstance(grids, dict)
        pictures = {int(at): base64.b64decode(png) for at, png in grids.items()}
        return cls(lease, stops, peak, Onset.from_json(onset), list(lineage),
                   curve_from_json(points), pictures=pictures)  # fmt: skip
