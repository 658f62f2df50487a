"""Counts successes at thresholds of the objective, as table 2 of WGAN-GP (arXiv:1704.00028)."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from gensweep.objective import Objective
from gensweep.report._outcomes import outcome
from gensweep.report._table import Table
from gensweep.report._text_table import format_value
from gensweep.trial import Outcome, TrialView

QUANTILES = (0.1, 0.25, 0.5, 0.75)
"""Of the completed configurations' values, from the best on, at which thresholds lie."""
FEWEST = 8
"""Completed configurations below which there is no table."""

METHOD = (
    "How many configurations got at least as good as each threshold; thresholds lie at the best "
    "10, 25, 50 and 75 % of all that were completed. One of which every seed was pruned is "
    "unknown: a count has bounds then."
)
PAIRED = (
    "Pairs: configurations that are equal but for what is compared, and what exists in one of the "
    "two alone, as in table 2 of WGAN-GP (arXiv:1704.00028)."
)
UNPAIRED = (
    "No two configurations are equal but for what is compared, so it is not counted in how many "
    "one succeeds alone, both or neither, as in table 2 of WGAN-GP (arXiv:1704.00028): "
    "--sampler grid gives each the same values."
)


def thresholds(
    groups: Mapping[str, Sequence[TrialView]], objective: Objective, group_by: str | None
) -> Table | None:
    """Count each group's successes; None with one group, or too few completed configurations."""
    every = [trial for group in groups.values() for trial in group]
    steps = _steps(every, objective)
    if len(groups) < 2 or not steps:
        return None
    scores = _scores(every, objective)
    rows = [[name, *(_count(group, scores, step) for step in steps)]
            for name, group in groups.items()]  # fmt: skip
    sense = "at most" if objective.sign > 0 else "at least"
    heads = [f"{sense} {format_value(objective.sign * step)}" for step in steps]
    return Table([group_by or "", *heads], rows)


def paired_thresholds(
    groups: Mapping[str, Sequence[TrialView]], objective: Objective, group_by: str | None
) -> Table | None:
    """Count pairs in which one of two groups succeeds, both or neither; None without pairs.

    Of more than two groups each two are A and B in turn.
    """
    every = [trial for group in groups.values() for trial in group]
    steps, scores, is_many = _steps(every, objective), _scores(every, objective), len(groups) > 2
    rows: list[list[object]] = []
    for a, b in combinations(groups, 2):
        if pairs := _pairs(groups[a], groups[b], scores, group_by):
            named = [a, b] if is_many else []
            rows += [[*named, f"{objective.sign * step:.4g}", *_ends(pairs, step)]
                     for step in steps]  # fmt: skip
    if not rows:
        return None
    first, second = ("A", "B") if is_many else groups
    named = [first, second] if is_many else []
    head = [*named, objective.metric, f"only {first}", f"only {second}", "both", "neither"]
    return Table(head, rows)


def _ends(pairs: Sequence[tuple[float, float]], step: float) -> list[int]:
    """Count the pairs of which only the first is as good as `step`, only the second, both, none."""
    ends = [(a <= step, b <= step) for a, b in pairs]
    kinds = ((True, False), (False, True), (True, True), (False, False))
    return [ends.count(kind) for kind in kinds]


def _steps(trials: Sequence[TrialView], objective: Objective) -> list[float]:
    """The thresholds, less is better, without repetition; empty if few configurations are known."""
    scores = sorted(_scores(trials, objective).values())
    if len(scores) < FEWEST:
        return []
    return sorted({scores[max(0, round(share * len(scores)) - 1)] for share in QUANTILES})


def _scores(trials: Sequence[TrialView], objective: Objective) -> dict[Any, float]:
    """Each completed configuration's score among all `trials`, by the number of its group."""
    found = objective.configurations(trials)
    return {one.trials[0]["group"]: one.score for one in found}


def _count(trials: Sequence[TrialView], scores: Mapping[Any, float], step: float) -> str:
    """Count the configurations with a score of `step` or less, with bounds if some are unknown."""
    kinds = {t["group"] for t in trials}
    good = sum(scores[kind] <= step for kind in kinds if kind in scores)
    known = {t["group"] for t in trials if outcome(t) != Outcome.PRUNED}
    bounds = f"{good} to {good + len(kinds - known)}" if kinds - known else f"{good}"
    return f"{bounds} of {len(kinds)}"


def _pairs(
    first: Sequence[TrialView],
    second: Sequence[TrialView],
    scores: Mapping[Any, float],
    group_by: str | None,
) -> list[tuple[float, float]]:
    """The scores of configurations that are in both; infinite for one that was not completed."""
    shared = {n for t in first for n in t["params"]} & {n for t in second for n in t["params"]}
    names = sorted(shared - {group_by})
    here, there = (_by_params(group, scores, names) for group in (first, second))
    return [(here[key], there[key]) for key in here if key in there]


def _by_params(
    trials: Sequence[TrialView], scores: Mapping[Any, float], names: Sequence[str]
) -> dict[str, float]:
    """Each configuration's score by its values of `names`; those of unknown end are left out."""
    return {
        repr([t["params"].get(name) for name in names]): scores.get(t["group"], float("inf"))
        for t in trials
        if t["group"] in scores or outcome(t) != Outcome.PRUNED
    }
