"""The objective: the metric that trials are ranked by, and its direction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Literal, Self

from gensweep.errors import UserError
from gensweep.known_metrics import find_metric
from gensweep.metric import label
from gensweep.trial import TrialState, TrialView

COUNTED = frozenset(each for each in TrialState if each.ended) - {TrialState.CANCELLED}
"""In which a seed counts for its configuration."""


FEWEST_FRESH = 2
"""Seeds that confirm a configuration: one tells nothing of how they differ."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The metric that trials are ranked by, and its better end.

    >>> Objective(metric="coverage", direction="maximize").ranked([
    ...     {"state": "completed", "group": v, "metrics": {"coverage": v}} for v in (0.2, 0.9)
    ... ])[0]["metrics"]
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

    def configurations(self, trials: Sequence[TrialView]) -> list[Configuration]:
        """Rank the configurations of which a seed was completed, the best mean first.

        A seed that ended without a value (collapsed, diverged, pruned or failed) counts as the
        worst value that any of the `trials` completed with: were it left out, a configuration that
        often fails would be ranked by its luckiest seeds. Those of which more seeds ended so than
        were completed come last. A seed that has not ended does not count. Configurations that
        were confirmed come first, ranked by the seeds that confirm them alone: once each of them
        has `FEWEST_FRESH` that have ended, for before that it would be the first to be trained that
        comes first.

        >>> trials = [{"group": n // 2, "state": s, "metrics": {"nll": v}} for n, (s, v) in
        ...           enumerate([("completed", 1), ("diverged", 0), ("completed", 3),
        ...                      ("completed", 4), ("completed", 9), ("leased", 9)])]
        >>> [each.score for each in Objective(metric="nll").configurations(trials)]
        [3.5, 5.0, 9.0]
        """
        groups: dict[Any, list[TrialView]] = {}
        for trial in trials if _are_confirmed(trials) else searched(trials):
            groups.setdefault(trial["group"], []).append(trial)
        values = zip(trials, self.signed_values(trials), strict=True)
        known = [(trial["group"], value) for trial, value in values if value < math.inf]
        worst = max((value for _, value in known), default=math.inf)
        ranked = {group for group, _ in known}  # most are pruned, in a long sweep
        found = [self._configuration(each, worst) for n, each in groups.items() if n in ranked]
        done = (one for one in found if one.trials)
        return sorted(
            done, key=lambda one: (not one.confirmed, one.failed > len(one.trials), one.score)
        )

    def _configuration(self, seeds: Sequence[TrialView], worst: float) -> Configuration:
        """Order the completed seeds by their distance from the middle one."""
        fresh = [t for t in seeds if t.get("confirm_round") and t["state"] in COUNTED]
        seeds = fresh or searched(seeds)
        pairs = zip(self.signed_values(seeds), seeds, strict=True)
        done = [(value, trial) for value, trial in pairs if value < math.inf]
        values = sorted(value for value, _ in done)
        middle = values[len(values) // 2] if values else 0.0  # of two the worse: it is no luck
        done.sort(key=lambda pair: abs(pair[0] - middle))
        failed = sum(trial["state"] in COUNTED for trial in seeds) - len(done)
        return Configuration(
            trials=[trial for _, trial in done], confirmed=bool(fresh),
            values=[*(value for value, _ in done), *failed * [worst]],
        )  # fmt: skip

    def ranked(self, trials: Sequence[TrialView]) -> list[TrialView]:
        """Sort the completed trials by their configuration, the best first.

        Of a configuration the seed in the middle comes first, which stands for it, and then those
        nearest to it.
        """
        return [trial for one in self.configurations(trials) for trial in one.trials]


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """The seeds of one configuration, and what it is ranked by."""

    trials: Sequence[TrialView]
    """Those that were completed, the one in the middle by the metric first."""
    values: Sequence[float]
    """Of each seed that counts, less is better; first of `trials`, then of those that failed."""
    confirmed: bool = False
    """Whether its seeds are fresh ones, drawn after the search had chosen it."""

    @property
    def score(self) -> float:
        """The mean over the seeds: less is better."""
        return fmean(self.values)

    @property
    def mean(self) -> float:
        """The mean over the completed seeds, times the objective's sign."""
        return fmean(self.values[: len(self.trials)])

    @property
    def failed(self) -> int:
        """The number of seeds that ended without a value."""
        return len(self.values) - len(self.trials)


def _are_confirmed(trials: Sequence[TrialView]) -> bool:
    """Return whether each configuration that is confirmed has enough fresh seeds that ended."""
    fresh = [trial for trial in trials if trial.get("confirm_round")]
    ended = Counter(trial["group"] for trial in fresh if trial["state"] in COUNTED)
    return all(ended[trial["group"]] >= FEWEST_FRESH for trial in fresh)


def searched(trials: Sequence[TrialView]) -> list[TrialView]:
    """Leave out the trials that confirm a configuration, and tell nothing of the space.

    >>> searched([{"number": 0, "confirm_round": 0}, {"number": 1, "confirm_round": 1}])
    [{'number': 0, 'confirm_round': 0}]
    """
    return [trial for trial in trials if not trial.get("confirm_round")]


def finite_number(value: object) -> float | None:
    """Return a finite number as it is, and None for anything else, true and false included."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None  # type: ignore[arg-type]
