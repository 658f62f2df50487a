"""The result of evaluating one trained lane."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gensweep.intervals import Interval
from gensweep.trial import Outcome, TrialState

CurvePoint = tuple[float, float, float]
"""A value of a sampling hyperparameter, and the fidelity and the variety measured there."""
Curves = Mapping[str, tuple[CurvePoint, ...]]
"""The curve along the grid of each sampling hyperparameter that has one, by its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The metrics of one lane's samples, the verdict on them, and a picture.

    Made by `LaneEvaluator.evaluate`; whoever knows more of the trial replaces it by another one.
    """

    metrics: Mapping[str, float]
    """Of samples at the trial's own sampling hyperparameters; `neutral_*` are those judged by."""

    outcome: Outcome
    """The verdict: converged, unconverged, collapsed or diverged."""

    cause: str
    """Why, in words; empty where there is nothing to tell."""

    variety: float
    """The metric by which collapse is told, of samples at the neutral values; of a collapse that a
    score tells, the part that it is of its bound."""

    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """The 95 % interval of each metric that has one; empty before the trial's end."""

    png: bytes = b""
    """The sample grid; empty for a lane whose samples are not finite."""

    curves: Curves = field(default_factory=dict)
    """Fidelity against variety along the grids; empty before the trial's end."""

    @property
    def state(self) -> TrialState:
        """The state of a trial that ends with this evaluation."""
        return self.outcome.state
