"""Tells what the names of a report mean, for its reader to look up without another page."""

from collections.abc import Mapping, Sequence

from gensweep.known_metrics import find_metric
from gensweep.metric import ERROR, NEUTRAL
from gensweep.report._facts import SweepFacts
from gensweep.training_metrics import training_formula
from gensweep.trial import TrialView

OF_NEUTRAL = "of samples with every sampling hyperparameter at its neutral value"
OF_ERROR = "standard error of {}"


def lookup(facts: SweepFacts, trials: Sequence[TrialView]) -> dict[str, dict[str, str]]:
    """Return by heading each name and what it is: metrics of the trials, and what `facts` tell."""
    metrics = sorted({name for trial in trials for name in trial.get("metrics", {})})
    told = {"Metrics": _metric_texts(metrics, facts.protocol.get("own_metrics", {}))}
    told |= {heading: dict(texts) for heading, texts in facts.lookup.items()}
    known = {heading: {n: text for n, text in of.items() if text} for heading, of in told.items()}
    return {heading: texts for heading, texts in known.items() if texts}


def _metric_texts(names: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """Say what each metric is, by its label; empty for a model's own, which no table has.

    >>> _metric_texts(["nll", "neutral_modes", "ink", "mine"], {"ink": "mean pixel"})["ink"]
    'mean pixel'
    """
    return dict(_metric_text(name, own) for name in names)


def _metric_text(name: str, own: Mapping[str, str]) -> tuple[str, str]:
    if name in own:
        return name, own[name]
    if (metric := find_metric(name)) is not None:
        source = f"; {metric.source}" if metric.source else ""
        neutral = f", {OF_NEUTRAL}" if name.startswith(NEUTRAL) else ""
        label = metric.label.replace(metric.name, name, 1)
        return label, f"{metric.formula}{neutral}{source}"
    if name.endswith(ERROR):
        return name, OF_ERROR.format(name.removesuffix(ERROR))
    return name, training_formula(name)
