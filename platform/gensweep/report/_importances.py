"""Measures which hyperparameters decide, for quality and for stability: PED-ANOVA, fANOVA."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gensweep.objective import Objective
from gensweep.report._anova import Evaluate, evaluator, variance_shares
from gensweep.report._outcomes import outcome
from gensweep.report._svg import element, figure, text
from gensweep.report._table import Table
from gensweep.trial import Outcome, TrialView

FEWEST, FEWEST_GOOD = 20, 5
"""Configurations that are needed, and of them in the good part; PED-ANOVA advises 5 there."""
QUALITY_SHARE = 0.1
"""Of the configurations that count as good by the objective, or `FEWEST_GOOD` where more."""
ORDERS = 60
"""Random orders of the outcomes, to tell what is no more than chance."""
CHANCE = 0.95
"""Share of them below which chance lies."""

METHOD = (
    "PED-ANOVA (arXiv:2304.10255), by Optuna: how much the distribution of a hyperparameter among "
    "good configurations differs from that among all, as shares of their sum. Interactions are not "
    f"seen. The mark is what {CHANCE:.0%} of {ORDERS} random orders of the outcomes stay below: a "
    "bar that ends before it tells nothing. The thin bar is by fANOVA, of a forest: the part "
    "of the variance of all configurations' ranks that it explains alone; what is left of the "
    "whole is interaction and chance. A configuration of several seeds counts once, and as "
    "converged if half of them did."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """The weight of a hyperparameter in an outcome."""

    name: str
    share: float
    """Of the sum over all hyperparameters."""
    chance: float
    """The share that a hyperparameter without influence stays below."""
    alone: float
    """The part of the variance of the outcomes' ranks that it explains alone, by fANOVA."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Importances:
    """The importances for one question, or the reason why there are none."""

    title: str
    of: str
    """What counts as good, and among how many."""
    found: Sequence[Importance]
    """The most important first; empty where `of` is the reason."""
    decides: Importance | None = None
    """The most important of those that lie further above their chance than any hyperparameter in
    any random order of the outcomes; None if there is none."""

    @property
    def table(self) -> Table:
        """The numbers of the figure."""
        rows = [[one.name, one.share, one.chance, one.alone] for one in self.found]
        return Table(["hyperparameter", "importance", "by chance up to", "alone explains"], rows)

    @property
    def figure(self) -> Markup | None:
        """Bars of the shares, each with the mark of chance."""
        return _bars(self.found, self.title) if self.found else None


def decides_sentence(weights: Sequence[Importances], metric: str) -> str:
    """Say what decides whether trials converge, and how good they get if that is another.

    Empty where too few trials tell.
    """
    subjects = (f"how good {metric} gets", "whether trials converge")  # in the order of `weights`
    told: dict[str, str] = {}
    for one, subject in zip(reversed(weights), reversed(subjects), strict=False):
        if found := one.decides:
            share = f"importance {found.share:.0%}, by chance up to {found.chance:.0%}"
            told.setdefault(found.name, f"{subject} depends most on {found.name} ({share})")
    if told:
        says = ", and ".join(told.values())
        return f"{says[0].upper()}{says[1:]}."
    return "No hyperparameter stands out as what decides." * any(one.found for one in weights)


def importances(trials: Sequence[TrialView], objective: Objective) -> list[Importances]:
    """Measure what decides how good a configuration gets, and whether it converges."""
    names = sorted({name for trial in trials for name in trial["params"]})
    if len(names) < 2:
        return []
    return [_for_quality(trials, objective), _for_stability(trials)]


def _for_quality(trials: Sequence[TrialView], objective: Objective) -> Importances:
    """Ask what decides whether a configuration is among the best by the objective."""
    ranked = objective.configurations(trials)
    values = [(one.trials[0]["params"], one.score) for one in ranked]
    good = max(FEWEST_GOOD, math.ceil(QUALITY_SHARE * len(ranked)))
    title = f"Quality: {objective.metric}"
    if len(ranked) < FEWEST:
        return _none(title, f"{len(ranked)} configurations were completed, of {FEWEST} needed")
    return _measure(title, f"the best {good} of {len(ranked)} completed configurations",
                    values, good)  # fmt: skip


def _for_stability(trials: Sequence[TrialView]) -> Importances:
    """Ask what decides whether a configuration converges; pruned trials are unknown."""
    seeds: dict[Any, list[TrialView]] = {}
    for trial in trials:
        if outcome(trial) != Outcome.PRUNED:
            seeds.setdefault(trial["group"], []).append(trial)
    values = [(group[0]["params"], float(not _is_stable(group))) for group in seeds.values()]
    good = sum(value == 0 for _, value in values)
    title, count = "Stability: converged or not", len(values)
    if count < FEWEST:
        return _none(title, f"of {count} configurations the end is known, of {FEWEST} needed")
    if min(good, count - good) < FEWEST_GOOD:
        return _none(title, f"{good} of {count} configurations converged: at least {FEWEST_GOOD} "
                            "that do and as many that do not are needed")  # fmt: skip
    return _measure(title, f"the {good} of {count} configurations that converged", values, good)


def _is_stable(seeds: Sequence[TrialView]) -> bool:
    """Tell whether at least half of a configuration's seeds converged."""
    return 2 * sum(outcome(trial) == Outcome.CONVERGED for trial in seeds) >= len(seeds)


def _none(title: str, reason: str) -> Importances:
    return Importances(title=title, of=f"left out: {reason}", found=())


def _measure(
    title: str, of: str, values: Sequence[tuple[Mapping[str, Any], float]], good: int
) -> Importances:
    """Compare the `good` configurations of the least values with all.

    A hyperparameter that some of them lack is left out: what is weighed of it is first of all
    that it exists, which is another hyperparameter's doing.
    """
    every = {name for params, _ in values for name in params}
    shared = {name for name in every if all(name in params for params, _ in values)}
    if rest := ", ".join(sorted(every - shared)):
        of += f"; left out, as not every configuration has it: {rest}"
    configurations = [{name: params[name] for name in shared} for params, _ in values]
    evaluate = evaluator(configurations, (good - 0.5) / len(values))
    outcomes = [value for _, value in values]
    found = evaluate(outcomes)
    if len(found) < 2:
        return _none(title, "fewer than two hyperparameters vary that all configurations have")
    orders = _random_orders(evaluate, outcomes)
    chances = {name: _chance([each[name] for each in orders]) for name in found}
    alone = variance_shares(configurations, outcomes)
    total = sum(found.values()) or 1.0
    ordered = [
        Importance(name=name, share=found[name] / total, chance=chances[name] / total,
                   alone=alone[name])
        for name in sorted(found, key=lambda name: -found[name])
    ]  # fmt: skip
    most = max(_beyond(each, chances, name) for each in orders for name in found)
    clear = (one for one in ordered if _beyond(found, chances, one.name) > max(1.0, most))
    return Importances(title=title, of=of, found=ordered, decides=next(clear, None))


def _random_orders(evaluate: Evaluate, outcomes: Sequence[float]) -> list[dict[str, float]]:
    """Measure the importances where outcomes have nothing to do with anything."""
    draw, shuffled, found = random.Random(0), list(outcomes), list[dict[str, float]]()
    for _ in range(ORDERS):
        draw.shuffle(shuffled)
        found.append(evaluate(shuffled))
    return found


def _chance(values: Sequence[float]) -> float:
    """Return what the importance of a hyperparameter without influence stays below."""
    return sorted(values)[math.ceil(CHANCE * ORDERS) - 1]


def _beyond(found: Mapping[str, float], chances: Mapping[str, float], name: str) -> float:
    """Return an importance in the unit of what chance alone reaches."""
    return found[name] / max(chances[name], 1e-12)


def _bars(found: Sequence[Importance], title: str) -> Markup:
    """Draw a bar for each hyperparameter."""
    left, width, parts = 190, 420, list[Markup]()
    scale = width / max(1.0, *(one.chance for one in found))
    for row, one in enumerate(found):
        top, mark = 8 + 24 * row, left + scale * one.chance
        parts += [
            text(left - 8, top + 13, one.name, "end"),
            element("rect", title=f"{one.name}: {one.share:.0%}, by chance up to {one.chance:.0%}",
                    x=left, y=top, width=f"{scale * one.share:.1f}", height=13, class_="bar"),
            element("rect", title=f"{one.name} alone explains {one.alone:.0%} of the variance",
                    x=left, y=top + 14, width=f"{scale * one.alone:.1f}", height=4, class_="thin"),
            element("path", d=f"M{mark:.1f} {top - 2}v22", class_="mark"),
            text(left + width + 50, top + 13, f"{one.share:.0%}", "end"),
        ]  # fmt: skip
    return figure(680, 16 + 24 * len(found), parts, f"Importances for {title}")
