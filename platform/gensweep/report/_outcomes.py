"""Counts the outcomes of trials: strata, rates and their intervals."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gensweep.report._stats import clustered_wilson
from gensweep.trial import Outcome, TrialView

T = TypeVar("T")


def outcome(trial: TrialView) -> Outcome:
    """The outcome shown: the verdict where there is one, else the state, else `other`."""
    return Outcome.of(trial.get("outcome") or trial.get("state", ""))


def strata(trials: Sequence[TrialView], group_by: str | None) -> dict[str, list[TrialView]]:
    """Trials by the value of parameter `group_by`, in order of name; one stratum without it."""
    groups: dict[str, list[TrialView]] = {}
    for trial in trials:
        value = "all trials" if group_by is None else trial["params"].get(group_by, "all trials")
        groups.setdefault(str(value), []).append(trial)
    return dict(sorted(groups.items()))


def titles(groups: Mapping[str, T], group_by: str | None) -> dict[str, T]:
    """Name groups so that each name says what it is of: a number is none, and no yes or no.

    >>> titles({"1": 0, "True": 0, "hinge": 0}, "packing")
    {'packing=1': 0, 'packing=True': 0, 'hinge': 0}
    """
    return {
        name if group_by is None or _is_telling(name) else f"{group_by}={name}": group
        for name, group in groups.items()
    }


def _is_telling(name: str) -> bool:
    return any(map(str.isalpha, name.replace("e-", ""))) and name not in ("True", "False", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class SuccessRate:
    """The share of trials that converged, with a pruned trial as what it is: unknown.

    Bounds count the pruned ones as trials that fail, and as ones that converge. `low` and `high`
    are the ends of a 95 % interval that covers both.

    >>> SuccessRate(converged=1, pruned=2, trials=4, low=0.05, high=0.97).share
    '25% to 75%'
    """

    converged: int
    pruned: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> str:
        """The rate in words: one number, or its two bounds."""
        bounds = (self.converged, self.converged + self.pruned)
        return " to ".join(f"{good / self.trials:.0%}" for good in bounds[: 1 + bool(self.pruned)])

    @property
    def interval(self) -> str:
        """The interval in words."""
        return f"{self.low:.0%} to {self.high:.0%}"


def success_rate(trials: Sequence[TrialView]) -> SuccessRate:
    """Count the converged and the pruned trials; bound the rate over configurations."""
    counts = Counter(map(outcome, trials))
    failed = _interval(trials, {Outcome.CONVERGED})
    converged = _interval(trials, {Outcome.CONVERGED, Outcome.PRUNED})
    return SuccessRate(
        converged=counts[Outcome.CONVERGED],
        pruned=counts[Outcome.PRUNED],
        trials=len(trials),
        low=min(failed[0], converged[0]),
        high=max(failed[1], converged[1]),
    )


def _interval(trials: Sequence[TrialView], good: Collection[Outcome]) -> tuple[float, float]:
    """Return the ends of the rate's interval where `good` outcomes are successes."""
    sizes = Counter(trial["group"] for trial in trials)
    found = Counter(trial["group"] for trial in trials if outcome(trial) in good)
    return clustered_wilson([(found[group], size) for group, size in sizes.items()])


def rates(
    trials: Sequence[TrialView], group_by: str | None
) -> tuple[list[str], list[list[object]]]:
    """Head and rows: how often each value of `group_by` converged, and what was pruned instead.

    Where trials were pruned, the rate has two bounds.
    """
    head = ["trials", "configurations", "converged", "pruned", "rate", "95 % interval"]
    rows: list[list[object]] = []
    for name, group in strata(trials, group_by).items():
        found, kinds = success_rate(group), len({t["group"] for t in group})
        rows.append([name, len(group), kinds, found.converged, found.pruned, found.share,
                     found.interval])  # fmt: skip
    return [group_by or "stratum", *head], rows
