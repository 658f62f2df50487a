"""Writes the sentences of a report."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gensweep.best_probability import best_probabilities, probability_text
from gensweep.known_metrics import find_metric
from gensweep.objective import Configuration, Objective, searched
from gensweep.report._configurations import has_repeats
from gensweep.report._facts import SweepFacts
from gensweep.report._importances import Importances, decides_sentence
from gensweep.report._outcomes import outcome, strata, success_rate, titles
from gensweep.report._stable_regions import regions_sentence
from gensweep.report._text_table import format_value, interval_text
from gensweep.trial import Outcome, TrialState, TrialView

OUTCOME_RULES = {
    "points": "Converged: at least {converged_modes:.0%} of the modes and "
    "{converged_high_quality:.0%} of the samples within {threshold:g} standard deviations of one. "
    "Collapsed: fewer than {collapsed_modes:.0%} of the modes{collapsed_points}.",
    "images": "Converged: density at least {converged_density:g} and coverage at least "
    "{converged_coverage:g}{converged_labels}. Collapsed: sample variance below "
    "{collapsed_variance:.0%} of the data's{collapsed_labels}.",
}

VERDICT_RULE = (
    " Judged are samples that were drawn with every sampling hyperparameter at its neutral value, "
    "for they show how training went. A trial whose samples are as poor as collapsed ones, but "
    "whose metric {variety} still grows (to over 1.1 times the largest value of its earlier "
    "evaluations, plus 0.02), is unconverged."
)
"""The words for `metric.VERDICT`, which is stored with sweeps and cannot change."""


MOST_REGIONS = 5
"""Groups whose stable regions the answer tells; the report's table has those of all."""

RATE_METHOD = (
    "Rate: converged of all trials that ended. Interval: Wilson's with the effective sample size, "
    "for the seeds of one configuration are not independent of each other."
)
PRUNED_RATES = (
    "A pruned trial is unknown. The lower bound counts it as one that did not converge, the upper "
    "as one that did, and the interval covers both."
)
PRUNED_MAP = (
    "A pruned trial is unknown: the share that converges lies between the top of converged and the "
    "top of pruned."
)
PUBLISHED_METHOD = (
    "Ours: the best trial. Comparable: of the same data, binarised or dequantised alike; budgets, "
    "settings, examples and importance samples differ as told. Evidence: whether a figure was read "
    "in its paper, in another source that quotes it, or recalled."
)

DIVERGED_RULE = "a loss, weight or sample became infinite, not a number or huge."


def state_label(state: str) -> str:
    """Name a trial's state or outcome as progress and tables tell it.

    >>> state_label("queued"), state_label("diverged")
    ('waiting', 'diverged')
    """
    return next((known.shown for known in TrialState if known == state), state)


def answer(
    trials: Sequence[TrialView],
    group_by: str | None,
    objective: Objective,
    map_axis: str = "",
    weights: Sequence[Importances] = (),
) -> str:
    """Answer the sweep's question: how many converged, what is best, where it is stable, and why.

    The last from `weights`, which are the importances of the hyperparameters.
    """
    if not trials:
        return "No trial has ended yet."
    tried = searched(trials)
    says = f"{_success(tried)}; {_best(trials, group_by, objective)}"
    groups = titles(strata(tried, group_by), group_by)
    regions = regions_sentence(groups, map_axis) if len(groups) <= MOST_REGIONS else ""
    sentences = (says, regions, decides_sentence(weights, objective.metric))
    return " ".join(filter(None, sentences))


def _best(trials: Sequence[TrialView], group_by: str | None, objective: Objective) -> str:
    """Name the best trial or configuration, and its value."""
    ranked = objective.configurations(trials)
    if not ranked:
        return f"none is ranked by {objective.metric}: all collapsed, diverged or lack it."
    best = ranked[0].trials[0]
    where = f" with {group_by}={best['params'][group_by]}" if group_by in best["params"] else ""
    fine = "" if outcome(best) == Outcome.CONVERGED else f" ({best['outcome']})"
    if has_repeats(trials):
        named = f"the best configuration is that of trial {best['number']}"
        return f"{named}{fine}{where}, {_of_seeds(ranked, objective)}."
    value = format_value(best["metrics"][objective.metric])
    sure = interval_text(best.get("intervals", {}).get(objective.metric))
    value += f" (95 % interval over its samples {sure})" if sure else ""
    return f"the best is trial {best['number']}{fine}{where}, {objective.metric} {value}."


def _of_seeds(ranked: Sequence[Configuration], objective: Objective) -> str:
    """Tell the mean of the best configuration over its seeds, and how sure it is the best."""
    best, chances = ranked[0], best_probabilities(ranked)
    count = len(best.trials)
    seeds = f"{count}{' fresh' * best.confirmed} seed{'s' * (count > 1)}"
    says = f"{objective.metric} {objective.sign * best.mean:.4g} in the mean of {seeds}"
    says += f" ({best.failed} more ended without a value)" if best.failed else ""
    says += f", the best with probability {probability_text(chances[0])}" if chances else ""
    rivals = sum(one.confirmed for one in ranked)
    return says + (f" of {rivals} that were confirmed" if rivals > 1 else "")


def _success(trials: Sequence[TrialView]) -> str:
    """Say how many converged, and the rate; a pruned trial leaves it open."""
    found = success_rate(trials)
    says = f"{found.converged} of {found.trials} trials converged"
    if not found.pruned:
        return f"{says} ({found.share}, 95 % interval {found.interval})"
    return (
        f"{says} and {found.pruned} were pruned, whose end is unknown: the rate is between "
        f"{found.share.replace(' to ', ' and ')} (95 % interval {found.interval})"
    )


def outcome_rules(protocol: Mapping[str, Any]) -> str:
    """Say what converged, collapsed, unconverged and diverged mean; empty without bounds."""
    if limits := score_bounds(protocol):
        return _rules_of_scores(limits, str(protocol["verdict"]))
    rule, bounds = OUTCOME_RULES.get(str(protocol.get("kind"))), protocol.get("bounds", {})
    if rule is None or not bounds:
        return ""
    labels = {"converged_labels": "", "collapsed_labels": "", "collapsed_points": ""}
    if "collapsed_spread" in bounds:
        labels["collapsed_points"] = (
            f", while {bounds['collapsed_high_quality']:.0%} of the samples lie so near to one, or "
            f"{_rule_of_nearest(bounds)}sample variance below {bounds['collapsed_spread']:.0%} of "
            "the data's"
        )
    if "converged_classes" in bounds:
        sure, where = _rules_of_sure_classes(bounds)
        labels["converged_labels"] = (
            f", and {bounds['converged_classes']:.0%} of the classes found (a class counts with "
            f"{bounds['found_share']:.0%} of its share in the data{sure})"
        )
        labels["collapsed_labels"] = (
            f", or fewer than {bounds['collapsed_classes']:.0%} of the classes{where}"
        )
    says = rule.format(**bounds, **labels, threshold=protocol.get("mode_threshold", 0))
    says += _rule_of_collapse(protocol)
    return says + (
        f" Unconverged: neither. Diverged: {DIVERGED_RULE}"
        + (VERDICT_RULE.format(variety=_variety(protocol)) if "verdict" in protocol else "")
    )


def _rule_of_nearest(bounds: Mapping[str, float]) -> str:
    """Say when samples that lie at no mode have lost some; earlier versions had no rule."""
    if "collapsed_nearest" not in bounds:
        return ""
    few, spread = bounds["collapsed_nearest"], bounds["unlearned_spread"]
    most = f" to {bounds['scattered_spread']:g} times" if "scattered_spread" in bounds else ""
    return (f"else the exponential of the nearest modes' entropy below {few:.0%} of the modes "
            f"at {spread:.0%}{most or ' or more'} of the data's variance, or ")  # fmt: skip


def _rules_of_sure_classes(bounds: Mapping[str, float]) -> tuple[str, str]:
    """Say which samples count for a class and what is a lost one; earlier versions took all."""
    if "found_confidence" not in bounds:
        return "", ""
    return (
        f", of the samples, and of the real examples, to whose class the classifier gives "
        f"{bounds['found_confidence']:g}, or as much as to half of the real examples",
        f" (if less than {bounds['collapsed_precision']:.0%} of the samples are as near as the "
        "k-th neighbour to a real example: of about so many by their divergence)",
    )


def score_bounds(protocol: Mapping[str, Any]) -> Mapping[str, Sequence[float]]:
    """Return the bounds of the scores that judge trials; empty where samples do."""
    found: Mapping[str, Sequence[float]] = protocol.get("scores", {}).get("verdict_bounds", {})
    return found


def _rule_of_collapse(protocol: Mapping[str, Any]) -> str:
    """Say which scores tell a collapse beside the samples; empty if none does."""
    found: Mapping[str, float] = protocol.get("scores", {}).get("collapse_bounds", {})
    return "".join(
        f" Collapsed also: {name} below {least:g}{_meaning(name)}." for name, least in found.items()
    )


def _meaning(name: str) -> str:
    """Add what a metric is and its unit, in brackets; empty if no table knows it."""
    metric = find_metric(name)
    return f" {metric.unit} ({metric.formula})" if metric else ""


def _rules_of_scores(bounds: Mapping[str, Sequence[float]], verdict: str) -> str:
    good = " and ".join(f"{name} at most {least:g}" for name, (least, _) in bounds.items())
    bad = ", ".join(f"{name} at least {most:g}" for name, (_, most) in bounds.items())
    return (
        f"Converged: {good}. Diverged: {bad}, or {DIVERGED_RULE} Unconverged: neither. "
        f"Judged {verdict}."
    )


def _variety(protocol: Mapping[str, Any]) -> str:
    """Name the metric whose growth tells a slow trial; earlier versions took the curves' second."""
    if "found_confidence" in protocol.get("bounds", {}):
        return "classes"
    return str(protocol.get("curve", ("", "of variety"))[1])


def trial_caption(trial: TrialView) -> str:
    """Name a trial, its outcome and its hyperparameters in one line."""
    params = ", ".join(f"{key}={format_value(value)}" for key, value in trial["params"].items())
    return f"trial {trial['number']}, {outcome(trial)}: {params}"


def protocol_json(facts: SweepFacts) -> str:
    """Write the protocol, the versions and the seed as JSON; empty if nothing is known."""
    stated = {"protocol": facts.protocol, "versions": facts.versions, "seed": facts.seed}
    known = {key: value for key, value in stated.items() if value not in (None, {})}
    return json.dumps(known, indent=2, default=str, ensure_ascii=False) if known else ""
