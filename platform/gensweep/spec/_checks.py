"""What can be wrong with a sweep in itself: all is told when it is made, nothing later."""

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from gensweep.budget import Budget
from gensweep.errors import UserError
from gensweep.population import PARTS, changing
from gensweep.pruners import find_pruner
from gensweep.samplers import find_sampler
from gensweep.space import all_strata, check_space, check_value, conditions, ordered, scopes

if TYPE_CHECKING:
    from gensweep.spec._sweep import Sweep


NEIGHBOURS = 5
"""Of each sample, that coverage and density look at; there must be more samples than that."""
COUNTS = ("trials", "budget_images", "repeats", "samples", "rungs")
IF_GIVEN = ("width", "image_size")


def check_sweep(sweep: "Sweep") -> None:
    """`UserError` names the first value that cannot be, and what to use instead."""
    _check_numbers(sweep)
    _check_choices(sweep)
    _check_space(sweep)
    _check_drawn(sweep)
    _check_trials(sweep)
    _check_budget(sweep)
    check_population(sweep)
    _check_cluster(sweep)


def _check_cluster(sweep: "Sweep") -> None:
    """The sweep is one with the changes of the preset, too."""
    if sweep.cluster:
        unknown = ", ".join(set(sweep.cluster) - {f.name for f in fields(sweep)})
        if unknown:
            raise UserError(f"cluster={dict(sweep.cluster)!r} has {unknown}, which is no field of "
                            "a sweep: use trials or budget_images, for instance.")  # fmt: skip
        replace(sweep, **{"cluster": {}, **sweep.cluster})


def _check_numbers(sweep: "Sweep") -> None:
    given = [name for name in IF_GIVEN if getattr(sweep, name) is not None]
    for name in (*COUNTS, *given):
        value = getattr(sweep, name)
        if not isinstance(value, int) or value < 1:
            raise UserError(f"`{name} >= 1` must hold, as a whole number, but got {name}={value}.")
    if not isinstance(sweep.seed, int) or not 0 <= sweep.seed < 2**32:
        raise UserError(f"`0 <= seed < 2**32` must hold, but got seed={sweep.seed}.")
    if sweep.samples <= NEIGHBOURS:
        raise UserError(f"`samples > {NEIGHBOURS}` must hold, as each is compared with its "
                        f"{NEIGHBOURS} neighbours, but got samples={sweep.samples}.")  # fmt: skip
    Budget(trials=sweep.trials, max_hours=sweep.max_hours, max_images=sweep.max_images,
           max_cost=sweep.max_cost)  # fmt: skip
    if sweep.hourly_price is not None and not 0 < sweep.hourly_price < math.inf:
        raise UserError(f"`hourly_price > 0` must hold, but got {sweep.hourly_price}.")
    if not sweep.truncations:
        raise UserError("truncations=() leaves nothing to measure: give thresholds above 0.")
    for value in sweep.truncations:
        if not 0 < value < math.inf:
            raise UserError(f"each of truncations must be above 0 and finite, but got {value}.")


def _check_choices(sweep: "Sweep") -> None:
    find_sampler(sweep.sampler)
    find_pruner(sweep.pruner)


def _check_space(sweep: "Sweep") -> None:
    """The searched names fit the model, the conditions, and what is fixed."""
    if not sweep.space:
        raise UserError("the search space is empty: search at least one hyperparameter.")
    check_space(sweep.model.config, sweep.space)
    ordered(sweep.space, sweep.strata)
    for name, dimension in sweep.space.items():
        for parent, wanted in conditions(dimension).items():
            _check_condition(name, parent, wanted, sweep.space[parent])
    known = scopes(sweep.model.config)
    for name, value in sweep.fixed.items():
        if name not in known:
            raise UserError(f"unknown hyperparameter {name!r} in fixed: choose from "
                            f"{', '.join(known)}.")  # fmt: skip
        check_value(sweep.model.config, name, value)
        if name in sweep.space:
            raise UserError(f"{name!r} is both searched and fixed at {value!r}: leave it out of "
                            "`space` or of `fixed`.")  # fmt: skip
    for stratum in all_strata(sweep.space, sweep.strata):
        sweep.config(stratum)


def _check_condition(name: str, parent: str, wanted: Iterable[Any], dimension: Any) -> None:
    for value in wanted:
        if dimension.kind == "categorical":
            may, choices = value in dimension.choices, ", ".join(map(str, dimension.choices))
        else:
            low, high = dimension.low, dimension.high
            may = isinstance(value, int | float) and low <= value <= high
            choices = f"{low} to {high}"
        if not may:
            raise UserError(f"{name!r} is searched when {parent} is {value!r}, which it never is: "
                            f"choose from {choices}.")  # fmt: skip


def _check_drawn(sweep: "Sweep") -> None:
    """What the report draws must be searched."""
    space, names = sweep.space, ", ".join(sweep.space)
    if sweep.by is not None and sweep.by not in space:
        raise UserError(f"by={sweep.by!r} is not searched: choose from {names}, or leave it out.")
    if sweep.by is not None and space[sweep.by].kind == "real":
        raise UserError(f"by={sweep.by!r} is a real number, of which no two trials share a value: "
                        "choose a Categorical or an Integer.")  # fmt: skip
    if sweep.over and sweep.over not in space:
        raise UserError(f"over={sweep.over!r} is not searched: choose from {names}.")
    if sweep.over and not positive(space[sweep.over]):
        fitting = ", ".join(n for n, dimension in space.items() if positive(dimension)) or "none"
        raise UserError(f"over={sweep.over!r} must be a number above 0, for the map's scale is a "
                        f"logarithm: choose from {fitting}.")  # fmt: skip
    if sweep.scatter is not None and len(sweep.scatter) != 3:
        raise UserError(f"scatter={sweep.scatter!r} must be two metrics, and a searched "
                        "hyperparameter or None.")  # fmt: skip
    if sweep.scatter is not None and sweep.scatter[2] not in (None, *space):
        raise UserError(f"scatter shades by {sweep.scatter[2]!r}, which is not searched: choose "
                        f"from {names}, or None.")  # fmt: skip


def positive(dimension: Any) -> bool:
    """Whether every value is a number above 0."""
    if dimension.kind != "categorical":
        return bool(dimension.low > 0)
    numbers = [c for c in dimension.choices if isinstance(c, int | float) and c is not True]
    return len(numbers) == len(dimension.choices) and min(numbers) > 0


def _check_trials(sweep: "Sweep") -> None:
    trials, repeats = sweep.trials, sweep.repeats
    kinds = len(all_strata(sweep.space, sweep.strata))
    if trials < kinds * repeats:
        raise UserError(f"trials={trials} are too few for {_kinds(sweep, kinds)}{repeats=}: use at "
                        f"least {kinds * repeats}.")  # fmt: skip
    if rest := trials % repeats:
        raise UserError(f"trials={trials} is no multiple of {repeats=}: use {trials - rest} or "
                        f"{trials - rest + repeats}.")  # fmt: skip


def _kinds(sweep: "Sweep", kinds: int) -> str:
    return f"the {kinds} choices of {', '.join(sweep.strata)} and " if sweep.strata else ""


def _check_budget(sweep: "Sweep") -> None:
    """Every evaluation follows at least one more batch."""
    strata = all_strata(sweep.space, sweep.strata)
    batch = max(int(sweep.config(stratum).batch_size) for stratum in strata)
    budget, rungs = sweep.budget_images, sweep.rung_images
    ticks = -(-budget // batch)
    if budget < batch or len({-(-ticks * images // budget) for images in rungs}) < len(rungs):
        least = batch * find_pruner(sweep.pruner).fewest_batches(sweep.rungs)
        raise UserError(f"budget_images={budget} is too small for {sweep.rungs} evaluations of "
                        f"batches of {batch}: use at least {least}.")  # fmt: skip


def check_population(sweep: "Sweep") -> None:
    """`UserError` unless trials can take over each other's states."""
    if not sweep.pbt:
        return
    if sweep.pruner != "none":
        raise UserError(f"pbt stops no trial, but got pruner={sweep.pruner!r}: leave one out.")
    if sweep.repeats > 1:
        raise UserError(f"trials of pbt share states, so that seeds are no repeats, but got "
                        f"repeats={sweep.repeats}: leave one out.")  # fmt: skip
    if sweep.rungs < 2:
        raise UserError(f"`rungs >= 2` must hold with pbt, but got rungs={sweep.rungs}.")
    if not changing(sweep.model.config, sweep.space):
        fitting = [n for n, scope in scopes(sweep.model.config).items() if scope == "lane"]
        raise UserError("pbt changes hyperparameters under way, and none that can change is "
                        f"searched: search one of {', '.join(fitting)}.")  # fmt: skip


def check_lanes(sweep: "Sweep", packs: int) -> None:
    """`UserError` if every trial is alone in its pack, or so few that none can be the poorest."""
    if not sweep.pbt:
        return
    kinds = len(all_strata(sweep.space, sweep.strata))
    if sweep.trials < PARTS * kinds:
        each = f" for each value of {', '.join(sweep.strata)}" if sweep.strata else ""
        raise UserError(f"pbt compares quarters of the trials: it needs {PARTS}{each}, but got "
                        f"trials={sweep.trials}: use at least {PARTS * kinds}.")  # fmt: skip
    most = sweep.most_lanes(packs)
    lanes = most if sweep.width is None else min(sweep.width, most)
    if lanes < 2:
        raise UserError(f"pbt needs two trials in a pack, but got {sweep.trials} trials and "
                        f"{lanes} lanes: raise --trials or --width.")  # fmt: skip


def planned(sweep: "Sweep") -> str:
    """What will happen, for the plan."""
    among = f" with the same {', '.join(sweep.strata)}" if sweep.strata else ""
    return (f"at each of {sweep.rungs - 1} evaluations the poorest quarter of trials{among} goes "
            "on from the best that are in its pack")  # fmt: skip
