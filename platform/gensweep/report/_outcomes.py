"""Counts the outcomes of trials: strata, rates and their intervals."""

from collections import Counter
from collections.abc import Mapping, Sequence
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


def interval(trials: Sequence[TrialView]) -> tuple[int, str]:
    """Count the converged trials, and give the 95 % interval of the rate over configurations."""
    sizes = Counter(trial["group"] for trial in trials)
    good = Counter(trial["group"] for trial in trials if outcome(trial) == Outcome.CONVERGED)
    low, high = clustered_wilson([(good[group], size) for group, size in sizes.items()])
    return good.total(), f"{low:.0%} to {high:.0%}"


def rates(
    trials: Sequence[TrialView], group_by: str | None
) -> tuple[list[str], list[list[object]]]:
    """Head and rows: how often each value of `group_by` converged, and what was pruned instead."""
    head = ["trials", "configurations", "converged", "pruned", "rate", "95 % interval"]
    rows: list[list[object]] = []
    for name, group in strata(trials, group_by).items():
        good, span = interval(group)
        kinds = len({t["group"] for t in group})
        pruned = sum(outcome(t) == Outcome.PRUNED for t in group)
        rows.append([name, len(group), kinds, good, pruned, f"{good / len(group):.0%}", span])
    return [group_by or "stratum", *head], rows
