"""Compares points with fresh points of a mixture whose modes are known."""

# L lanes, N samples
from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, device

from gensweep.metric import ERROR, W1
from gensweep.metrics._distances import SlicedDistances
from gensweep.metrics._modes import mode_errors, mode_metrics
from gensweep.metrics._standard_error import standard_error
from gensweep.metrics._transport import Transport
from gensweep.metrics._verdict import POINT_BOUNDS, Bounds, is_one_point, judge_points
from gensweep.trial import Outcome

__all__ = ["Points"]

THRESHOLD = 3.0


class Points:
    """The reference of 2-D mixtures: mode coverage as in PacGAN, and Wasserstein distances.

    Trials are ranked by the total variation distance: the Wasserstein distance to modes this
    narrow is one of their shares alone, whatever the samples' quality.
    """

    objective, variety = "total_variation", "modes"
    judged = ("modes", "high_quality", "mode_entropy", "variance_ratio")
    feature_hash = None

    def __init__(self, real: Tensor, modes: Tensor, std: float) -> None:
        self.real, self.modes, self.std = real, modes, std
        self.bounds: Bounds = POINT_BOUNDS
        self.all_of: Mapping[str, float] = {"modes": len(modes)}
        self._sliced, self._transport = SlicedDistances(real), Transport(real)
        self.protocol: dict[str, object] = {
            "kind": "points",
            "features": "identity",
            "mode_std": std,
            "modes": len(modes),
            "mode_threshold": THRESHOLD,
            W1: self._transport.protocol,
            "bounds": self.bounds,
        }

    def to(self, place: device | str) -> Points:
        """Return the same reference on another device."""
        moved = Points(self.real.to(place), self.modes.to(place), self.std)
        moved.bounds, moved.protocol = self.bounds, self.protocol
        return moved

    def measure(
        self,
        lane: Tensor,
        wanted: Collection[str] | None = None,
        given: Tensor | None = None,
        *,
        errors: bool = False,
    ) -> dict[str, Tensor]:
        """Measure samples [1, N, D]: metrics [1], all of them or at least `wanted`.

        No classifier tells classes of points: those that samples are `given` are not looked at.
        With `errors` also the standard errors of those that have one.
        """
        found = mode_metrics(lane, self.modes, self.std, THRESHOLD)
        if errors:
            told = mode_errors(lane[0], self.modes, self.std, THRESHOLD)
            found |= {name + ERROR: error for name, error in told.items()}
        if wanted is None or W1 in wanted:
            found |= self._transport.measure(lane[0], errors=errors)
        if wanted is not None and not any(name.endswith("_sliced") for name in wanted):
            return found
        distances = self._sliced.distances(lane, 1, 2)
        if errors:
            found |= self._distance_errors(lane[0], distances)
        return found | {f"w{order}_sliced": value for order, value in distances.items()}

    def _distance_errors(self, lane: Tensor, distances: Mapping[int, Tensor]) -> dict[str, Tensor]:
        pieces = self._sliced.pieces(lane, *distances)
        return {
            f"w{order}_sliced{ERROR}": standard_error(pieces[order])
            / (order * distance ** (order - 1))
            for order, distance in distances.items()
        }

    def verdict(self, metrics: dict[str, float]) -> tuple[Outcome, str]:
        """Judge by the bounds: the outcome, and its cause in words."""
        return judge_points(metrics, len(self.modes), self.bounds)

    def variety_of(self, metrics: Mapping[str, float]) -> float:
        """Return the modes that are found: none that samples which hardly differ have come upon."""
        return 0.0 if is_one_point(metrics, self.bounds) else metrics[self.variety]
