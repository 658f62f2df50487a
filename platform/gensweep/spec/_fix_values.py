"""Fixes searched hyperparameters, of a few of them or of all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gensweep.space import Space, conditions
from gensweep.spec._sweep import Sweep


def fix_values(sweep: Sweep, values: Mapping[str, Any], trials: int | None = None) -> Sweep:
    """Return the sweep with each of `values` fixed, so that the rest of its space is searched.

    Where nothing is left to search it is of one configuration, whose `trials` (by default the
    sweep's repeats) are seeds. `UserError` for what the model cannot have.
    """
    space = _left(sweep.space, values)
    changes: dict[str, Any] = {"space": space, "fixed": {**sweep.fixed, **values}}
    if sweep.group_by not in space:
        changes["group_by"] = None
    if sweep.map_axis not in space:
        changes["map_axis"] = ""
    if sweep.scatter and sweep.scatter[2] not in space:
        changes["scatter"] = (*sweep.scatter[:2], None)
    if not space:
        seeds = trials or sweep.repeats
        own = {n: v for n, v in sweep.cluster.items() if n not in ("trials", "repeats")}
        changes |= {"trials": seeds, "repeats": seeds, "cluster": own}
    return replace(sweep, **changes)


def _left(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Dimensions that are still searched: neither fixed, nor ruled out by what is."""
    left = {}
    for name, dimension in space.items():
        met = conditions(dimension)
        if name in values or any(values[n] not in met[n] for n in met if n in values):
            continue
        when = {n: wanted for n, wanted in met.items() if n not in values}
        left[name] = replace(dimension, when=when or None) if len(when) < len(met) else dimension
    return left
