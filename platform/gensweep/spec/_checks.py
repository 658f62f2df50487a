"""Checks of a sweep's values; each raises `UserError` that names the value, its bound and a cure.

All that can be wrong with a sweep in itself is told when it is made, and nothing later.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gensweep.confirmation import Confirmation
from gensweep.errors import UserError
from gensweep.population import PARTS, explorable
from gensweep.sampling_fields import sampling_fields
from gensweep.space import (
    Space,
    check_choice,
    check_space,
    check_value,
    conditions,
    order_dimensions,
    scopes,
    strata,
)
from gensweep.spec._settings import MOST_TRIALS

LONGEST_QUESTION = 250


def check_seed(seed: int) -> None:
    """Refuse what NumPy's generators do not take."""
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"`0 <= seed < 2**32` must hold, but got seed={seed}.")


def check_hourly_price(price: float | None) -> None:
    """Refuse a price that is no money, but not None."""
    if price is not None and not 0 < price < math.inf:
        raise UserError(f"`hourly_price > 0` must hold, but got {price}.")


def check_question(question: str) -> None:
    """Refuse what cannot be the name of an experiment of MLflow."""
    if not question.isprintable() or len(question) > LONGEST_QUESTION:
        raise UserError(f"question={question[:LONGEST_QUESTION]!r} names an experiment of MLflow: "
                        f"use one line of up to {LONGEST_QUESTION} characters.")  # fmt: skip


def check_figures(figures: object) -> None:
    """Refuse, at the beginning, what could not be called at the end."""
    if not isinstance(figures, list | tuple) or not all(map(callable, figures)):
        raise UserError(f"figures must be functions of trials, but got {figures!r}: put them into "
                        "a tuple.")  # fmt: skip


def check_searched(config: type[Any], space: Space, fixed: Mapping[str, Any]) -> None:
    """Refuse hyperparameters that a model of `config` has not, or that are two things at once."""
    check_space(config, space)
    order_dimensions(space, strata(config, space))
    for name, dimension in space.items():
        for parent, wanted in conditions(dimension).items():
            _check_condition(name, parent, wanted, space[parent])
    known = scopes(config)
    for name, value in fixed.items():
        if name not in known:
            raise UserError(f"unknown hyperparameter {name!r} in fixed: choose from "
                            f"{', '.join(known)}.")  # fmt: skip
        check_value(config, name, value)
        if name in space:
            raise UserError(f"{name!r} is both searched and fixed at {value!r}: leave it out of "
                            "`space` or of `fixed`.")  # fmt: skip


def check_grids(config: type[Any], grids: Mapping[str, Iterable[Any]]) -> None:
    """Refuse grids of what is no number that sampling alone sees, and values that it cannot have.

    Those that the configuration of the model states itself are no better than a sweep's.
    """
    fields = {field.name: field for field in sampling_fields(config)}
    for name, grid in grids.items():
        if not isinstance(grid, list | tuple):
            raise UserError(f"the grid of {name!r} must be a tuple of numbers, but got {grid!r}.")
        if name not in fields:
            known = ", ".join(fields) or "none, which this model has"
            raise UserError(f"sampling_grids has {name!r}, which is no sampling hyperparameter: "
                            f"choose from {known}.")  # fmt: skip
    for name, field in fields.items():
        for value in grids.get(name, field.grid):
            if isinstance(field.default, str | bool):
                raise UserError(f"{name!r} is no number, and has no curve: leave its grid out.")
            check_choice(config, name, value, f"the grid of {name!r}")
        if field.neutral is not None:
            check_choice(config, name, field.neutral, f"the neutral value of {name!r}")


def _check_condition(name: str, parent: str, wanted: Iterable[Any], dimension: Any) -> None:
    """Refuse that `name` is searched under a value that its parent's `dimension` never takes."""
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


def check_empty_space(space: Space, trials: int, repeats: int) -> None:
    """Refuse trials that would be one configuration tried again and again, and not its seeds."""
    if not space and trials != repeats:
        raise UserError("the search space is empty: search at least one hyperparameter, or ask for "
                        f"seeds of one configuration, with repeats={trials}.")  # fmt: skip


def check_trials(trials: int, repeats: int, strata: Sequence[str], kinds: int) -> None:
    """Refuse trials that cannot be shared equally.

    `kinds` counts the combinations of the `strata`'s choices; each is tried with every seed.
    """
    if trials < kinds * repeats:
        every = f"the {kinds} choices of {', '.join(strata)} and " if strata else ""
        raise UserError(
            f"trials={trials} are too few for {every}{repeats=}: use at least {kinds * repeats}."
        )
    if rest := trials % repeats:
        raise UserError(f"trials={trials} is no multiple of {repeats=}: use {trials - rest} or "
                        f"{trials - rest + repeats}.")  # fmt: skip


def check_grid_points(sampler: str, points: int | None) -> None:
    """Refuse points of a grid where there is none."""
    if points is not None and sampler != "grid":
        raise UserError(f"grid_points={points} are those of the sampler grid, but got "
                        f"{sampler=}: leave them out, or ask for --sampler grid.")  # fmt: skip


def check_confirmation(asked: Confirmation, trials: int, repeats: int, *, pbt: bool) -> None:
    """Refuse to confirm more configurations than are searched, or such as change under way."""
    most = trials // repeats
    if asked.trials > MOST_TRIALS:
        raise UserError(f"confirm={asked} asks for {asked.trials:,} trials: use at most "
                        f"{MOST_TRIALS:,}.")  # fmt: skip
    if asked.configurations > most:
        raise UserError(
            f"confirm={asked} takes {asked.configurations} configurations, more than the {most} "
            f"that {trials=} search: use at most {most}x{asked.seeds}."
        )
    if pbt:
        raise UserError(f"pbt changes configurations under way, so that no seed confirms one, but "
                        f"got confirm={asked}: leave one out.")  # fmt: skip


def check_rungs(budget: int, batch: int, rungs: Sequence[int], least: int) -> None:
    """Refuse a budget of images in which two evaluations would follow the same batch.

    `rungs` are the images after which a trial of batches of `batch` is evaluated. `least` is the
    number of batches that keep them apart.
    """
    ticks = -(-budget // batch)
    if budget < batch or len({-(-ticks * images // budget) for images in rungs}) < len(rungs):
        raise UserError(f"budget_images={budget} is too small for {len(rungs)} evaluations of "
                        f"batches of {batch}: use at least {batch * least}.")  # fmt: skip


def check_population(pruner: str, repeats: int, rungs: int) -> None:
    """Refuse, for population-based training, what it does itself or cannot do."""
    if pruner != "none":
        raise UserError(f"pbt stops no trial, but got pruner={pruner!r}: leave one out.")
    if repeats > 1:
        raise UserError(f"trials of pbt share states, so that seeds are no repeats, but got "
                        f"repeats={repeats}: leave one out.")  # fmt: skip
    if rungs < 2:
        raise UserError(f"`rungs >= 2` must hold with pbt, but got rungs={rungs}.")


def check_explored(config: type[Any], space: Space) -> None:
    """Refuse, for population-based training, a space of which nothing can change under way."""
    if not explorable(config, space):
        fitting = [name for name, scope in scopes(config).items() if scope == "lane"]
        raise UserError("pbt changes hyperparameters under way, and none that can change is "
                        f"searched: search one of {', '.join(fitting)}.")  # fmt: skip


def check_exploited(trials: int, lanes: int, strata: Sequence[str], kinds: int) -> None:
    """Refuse a population so small that no trial is the poorest, or each is alone in its pack."""
    if trials < PARTS * kinds:
        each = f" for each value of {', '.join(strata)}" if strata else ""
        raise UserError(f"pbt compares quarters of the trials: it needs {PARTS}{each}, but got "
                        f"trials={trials}: use at least {PARTS * kinds}.")  # fmt: skip
    if lanes < 2:
        raise UserError(f"pbt needs two trials in a pack, but got {trials} trials and "
                        f"{lanes} lanes: raise --trials or --width.")  # fmt: skip
