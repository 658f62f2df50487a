"""The samplers, by name: how the hyperparameters of the next trial are chosen.

Each is one entry in `SAMPLERS`, which the options, the checks, the study and the report read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gensweep.configurations import (
    Configurations,
    RandomConfigurations,
    SearchedSpace,
    SobolConfigurations,
)
from gensweep.errors import UserError
from gensweep.grid import GridConfigurations

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """A sampler as users choose it and as the report describes it."""

    name: str
    summary: str
    """What it does, after its name in `--help`."""

    sentence: str
    """What it means for the report's numbers, after "Trials were drawn by"."""

    make: Callable[[int, int], BaseSampler]
    """Builds Optuna's sampler from the seed of the sweep and the seed of one trial."""

    configurations: Callable[[SearchedSpace], Configurations] | None = None
    """Makes the list that trials are taken from, by their number; None: it learns from trials that
    have ended, so that a trial depends on when it is asked for."""


def _tpe(sweep_seed: int, trial_seed: int) -> BaseSampler:
    from gensweep.fitted_tpe import FittedTPESampler

    return FittedTPESampler(seed=trial_seed)


def _random(sweep_seed: int, trial_seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=trial_seed)


def _quasi_random(sweep_seed: int, trial_seed: int) -> BaseSampler:
    """Build what drew the trials of earlier versions, which those of their sweeps go on with."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import QMCSampler, RandomSampler

    # The sequence goes on where it was (Optuna keeps its index): its scrambling may not change.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return QMCSampler(
            scramble=True,
            seed=sweep_seed,
            independent_sampler=RandomSampler(seed=trial_seed),
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        )


_ALL = (
    Sampler(
        name="tpe",
        summary="prefers regions that did well (arXiv:2304.11127)",
        sentence="tpe, adaptive: it prefers regions that did well, so rates, intervals and "
        "best-of-k describe the trials drawn, not the space; --sampler random or qmc measures the "
        "space",
        make=_tpe,
    ),
    Sampler(
        name="random",
        summary="draws independently from the space",
        sentence="random: independent draws from the space",
        make=_random,
        configurations=RandomConfigurations,
    ),
    Sampler(
        name="qmc",
        summary="spreads trials evenly over the space (scrambled Sobol sequence)",
        sentence="qmc: spread evenly over the space",
        make=_quasi_random,
        configurations=SobolConfigurations,
    ),
    Sampler(
        name="grid",
        summary="tries all combinations of evenly spaced points of each range and every choice",
        sentence="grid: all combinations of evenly spaced points, ends included, so rates and "
        "intervals describe these points, not the space between them",
        make=_random,
        configurations=GridConfigurations,
    ),
)
SAMPLERS: Final[Mapping[str, Sampler]] = {sampler.name: sampler for sampler in _ALL}


def find_sampler(name: str) -> Sampler:
    """Look a sampler up; `UserError` lists the names if there is none of this one.

    >>> find_sampler("qmc").sentence
    'qmc: spread evenly over the space'
    """
    if name not in SAMPLERS:
        raise UserError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}.")
    return SAMPLERS[name]
