"""Asks Optuna's PED-ANOVA and fANOVA about configurations whose outcomes are known."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gensweep.objective import finite_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

Evaluate = Callable[[Sequence[float]], dict[str, float]]
"""Measures each hyperparameter's importance from the outcomes of the configurations."""
TREES, DEPTH = 32, 5
"""Of the forest of fANOVA; deeper trees take seconds, and learn noise."""


def evaluator(configurations: Sequence[Mapping[str, Any]], quantile: float) -> Evaluate:
    """Return what measures the importances for values of the configurations, less being good."""
    import optuna  # seconds, which processes that write no report save
    from optuna.importance import PedAnovaImportanceEvaluator

    study = _study(configurations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        measure = PedAnovaImportanceEvaluator(target_quantile=quantile)

    def evaluate(values: Sequence[float]) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it minimises, and that few trials are inexact
            found = measure.evaluate(study, target=lambda trial: values[trial.number])
        return dict(found)

    return evaluate


def variance_shares(
    configurations: Sequence[Mapping[str, Any]], values: Sequence[float]
) -> dict[str, float]:
    """Measure which part of the variance of the values' ranks each hyperparameter alone explains.

    By fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014), of a random forest of `TREES`. Of equal
    values nothing is to be explained: 0.
    """
    from optuna.importance import FanovaImportanceEvaluator
    from scipy.stats import rankdata

    if len(set(values)) < 2:
        return dict.fromkeys(_distributions(configurations), 0.0)
    ranks = rankdata(values)
    measure = FanovaImportanceEvaluator(n_trees=TREES, max_depth=DEPTH, seed=0)
    found = measure.evaluate(_study(configurations), target=lambda trial: ranks[trial.number])
    return {name: float(share) for name, share in found.items()}


def _study(configurations: Sequence[Mapping[str, Any]]) -> "Study":
    """Make a study in memory of the configurations, whose values are told later."""
    import optuna
    from optuna.distributions import CategoricalDistribution

    spaces = _distributions(configurations)
    rows = [
        {
            name: str(value) if isinstance(spaces[name], CategoricalDistribution) else value
            for name, value in params.items()
            if name in spaces
        }
        for params in configurations
    ]
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study()
    finally:
        optuna.logging.set_verbosity(verbosity)
    study.add_trials([
        optuna.trial.create_trial(
            params=row, distributions={name: spaces[name] for name in row}, value=0.0
        )
        for row in rows
    ])  # fmt: skip
    return study


def _distributions(configurations: Sequence[Mapping[str, Any]]) -> dict[str, "BaseDistribution"]:
    """Return the range of each hyperparameter that varies, as it was seen."""
    columns: dict[str, list[Any]] = {}
    for params in configurations:
        for name, value in params.items():
            columns.setdefault(name, []).append(value)
    return {
        name: _distribution(column)
        for name, column in sorted(columns.items())
        if len({str(value) for value in column}) > 1
    }


def _distribution(column: Sequence[Any]) -> "BaseDistribution":
    """The range of numbers, by logarithms where they span over two decades, or the choices."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if any(finite_number(value) is None for value in column):
        return CategoricalDistribution(sorted({str(value) for value in column}))
    low, high = min(column), max(column)
    is_log = low > 0 and high / low > 100
    if all(isinstance(value, int) for value in column):
        return IntDistribution(low, high, log=is_log)
    return FloatDistribution(float(low), float(high), log=is_log)
