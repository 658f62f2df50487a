"""The objective: the metric that trials are ranked by, and its direction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, Self

from gensweep.errors import UserError
from gensweep.known_metrics import find_metric, label
from gensweep.trial import TrialState, TrialView


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The metric that trials are ranked by, and its better end.

    >>> Objective(metric="coverage", direction="maximize").ranked([
    ...     {"state": "completed", "metrics": {"coverage": v}} for v in (0.2, 0.9)])[0]["metrics"]
    {'coverage': 0.9}
    """

    metric: str
    direction: Literal["minimize", "maximize"] = "minimize"

    def __post_init__(self) -> None:
        if self.direction not in ("minimize", "maximize"):
            raise UserError(f"unknown direction {self.direction!r}: choose minimize or maximize.")

    @classmethod
    def of(cls, metric: str, own: Mapping[str, bool | None] | None = None) -> Self:
        """Rank by the better end of a metric, which is less for a model's own training loss.

        `own` are metrics of a script by name, and whether more is better.

        >>> Objective.of("coverage").direction, Objective.of("loss_critic").direction
        ('maximize', 'minimize')
        """
        known = find_metric(metric)
        otherwise = False if known is None else known.larger_is_better
        larger = (own or {}).get(metric, otherwise)
        if larger is None:
            raise UserError(f"no trial is better for more or for less {metric}: rank by another.")
        return cls(metric=metric, direction="maximize" if larger else "minimize")

    @property
    def label(self) -> str:
        """The metric with its unit and its better end, for an axis.

        >>> Objective(metric="nll").label
        'nll (nats, less is better)'
        """
        known = find_metric(self.metric)
        return label(self.metric, known.unit if known else "", self.sign < 0)

    @property
    def sign(self) -> int:
        """1, or -1 where more is better: `sign * value` is to be small."""
        return 1 if self.direction == "minimize" else -1

    def value(self, trial: TrialView) -> float | None:
        """Return the metric of a trial that was completed, else None."""
        completed = trial["state"] == TrialState.COMPLETED
        return finite_number(trial["metrics"].get(self.metric)) if completed else None

    def signed_values(self, trials: Sequence[TrialView]) -> list[float]:
        """Return each trial's value times `sign`: less is better, infinite for none."""
        found = [self.value(trial) for trial in trials]
        return [math.inf if value is None else self.sign * value for value in found]

    def configuration_medians(self, trials: Sequence[TrialView]) -> list[float]:
        """Return each configuration's median over its seeds, times `sign`; infinite for none.

        >>> trials = [{"group": 0, "state": "completed", "metrics": {"nll": v}} for v in (1, 2, 9)]
        >>> Objective(metric="nll").configuration_medians([*trials, trials[0] | {"group": 1}])
        [2.0, 1.0]
        """
        seeds: dict[Any, list[float]] = {}
        for trial, value in zip(trials, self.signed_values(trials), strict=True):
            seeds.setdefault(trial["group"], []).append(value)
        return [median(values) for values in seeds.values()]

    def ranked(self, trials: Sequence[TrialView]) -> list[TrialView]:
        """Sort the completed trials, best first."""
        pairs = zip(self.signed_values(trials), trials, strict=True)
        done = [(draw, trial) for draw, trial in pairs if draw < math.inf]
        return [trial for _, trial in sorted(done, key=lambda pair: pair[0])]


def finite_number(value: object) -> float | None:
    """Return a finite number as it is, and None for anything else, true and false included."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None  # type: ignore[arg-type]
