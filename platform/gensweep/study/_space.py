"""From dimensions to suggested values and to strata."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import optuna

from gensweep.errors import UserError

Stratum = dict[str, Any]
KINDS = ("real", "integer", "categorical")


def suggest(trial: optuna.Trial, name: str, dimension: Any) -> Any:
    """A value for the dimension."""
    if dimension.kind == "real":
        return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    if dimension.kind == "integer":
        return trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
    return trial.suggest_categorical(name, tuple(dimension.choices))


def conditions(dimension: Any) -> dict[str, tuple[Any, ...]]:
    """Parent choices under which the dimension exists."""
    return dict(getattr(dimension, "when", None) or {})


def exists(dimension: Any, values: Mapping[str, Any]) -> bool:
    """Whether `values` meets the dimension's conditions."""
    return all(values.get(parent) in wanted for parent, wanted in conditions(dimension).items())


def ordered(space: Mapping[str, Any], strata: tuple[str, ...]) -> list[str]:
    """Names of `space`, strata first, each after its parents."""
    for name, dimension in space.items():
        if dimension.kind not in KINDS:
            kinds = ", ".join(KINDS)
            raise UserError(f"{name!r} has kind {dimension.kind!r}: choose from {kinds}.")
    for name in strata:
        if name not in space:
            raise UserError(f"stratum {name!r} is not searched: choose from {', '.join(space)}.")
        if space[name].kind != "categorical":
            raise UserError(f"stratum {name!r} is {space[name].kind}: it must be categorical.")
        for parent in set(conditions(space[name])) - set(strata):
            raise UserError(f"{name!r} shapes the network, so that {parent!r}, which may differ "
                            "between the trials of a pack, cannot be its condition: leave `when` "
                            "out.")  # fmt: skip
    names: list[str] = []
    waiting = sorted(space, key=lambda n: n not in strata)
    while waiting:
        ready = [n for n in waiting if set(conditions(space[n])) <= set(names)]
        if not ready:
            raise UserError(f"the conditions of {waiting[0]!r} name no searched dimension.")
        names.append(ready[0])
        waiting.remove(ready[0])
    return names


def all_strata(space: Mapping[str, Any], names: tuple[str, ...]) -> list[Stratum]:
    """Every combination of the strata's choices that their conditions allow.

    Without names there is one empty stratum.
    """
    found: list[Stratum] = []
    for values in itertools.product(*(space[n].choices for n in names)):
        every = dict(zip(names, values, strict=True))
        stratum = {n: v for n, v in every.items() if exists(space[n], every)}
        if stratum not in found:
            found.append(stratum)
    return found


def as_json(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space as plain JSON, for comparing and for keeping."""
    return {name: _dimension_json(dimension) for name, dimension in space.items()}


def _dimension_json(dimension: Any) -> dict[str, Any]:
    wanted = ("kind", "low", "high", "log", "choices")
    out = {key: getattr(dimension, key) for key in wanted if hasattr(dimension, key)}
    out = {key: list(v) if isinstance(v, tuple) else v for key, v in out.items()}
    when = {parent: list(values) for parent, values in conditions(dimension).items()}
    return {**out, "when": when} if when else out


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are numbers: JSON and databases disagree about the others."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
