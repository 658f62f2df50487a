"""Drawing a hyperparameter by Optuna."""

from typing import Any

import optuna


def suggest(trial: optuna.Trial, name: str, dimension: Any) -> Any:
    """Draw a value for the dimension, within its bounds or from its choices."""
    if dimension.kind == "real":
        return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    if dimension.kind == "integer":
        return trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
    return trial.suggest_categorical(name, tuple(dimension.choices))
