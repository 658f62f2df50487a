"""The pruners, by name: which poor trials are stopped, and when trials are compared.

Each is one entry in `PRUNERS`, which the options, the checks, the sweep's rungs and the study read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gensweep.errors import UserError

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

REDUCTION: Final = 3
"""Of the trials at a rung, successive halving keeps one in so many."""
REPEATABLE: Final = "halving"
"""Of the pruners that compare trials, the one that stops the same ones whatever runs when."""
LEAST_COHORT: Final = REDUCTION**3
"""Trials that synchronous halving compares with one another, unless rungs ask for more."""
PATIENCE: Final = 1
"""Rungs without progress that are forgiven."""
P_VALUE: Final = 0.1
"""Below which Wilcoxon's test calls a trial worse than the best."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruner:
    """A pruner as users choose it, and the rungs at which it compares trials."""

    name: str
    summary: str
    """What becomes of poor trials, after its name in `--help`."""

    make: Callable[[int, int], BasePruner]
    """Builds Optuna's pruner from the first rung and a trial's budget, both in images."""

    by_powers: bool = False
    """Whether rungs are the budget over powers of `REDUCTION`; they are evenly spaced otherwise."""

    is_synchronous: bool = False
    """Whether trials wait at a rung until all of their cohort have come, so that verdicts depend on
    what was measured alone; the study judges then, and Optuna's pruner has no say."""

    def rungs(self, budget: int, count: int) -> tuple[int, ...]:
        """Return the `count` evaluations of a trial in images seen; the last is its `budget`.

        >>> find_pruner("asha").rungs(900, 3), find_pruner("median").rungs(900, 3)
        ((100, 300, 900), (300, 600, 900))
        """
        if self.by_powers:
            return tuple(max(1, budget // REDUCTION**i) for i in reversed(range(count)))
        return tuple(max(1, budget * (i + 1) // count) for i in range(count))

    def fewest_batches(self, count: int) -> int:
        """Return the smallest budget, in batches, in which each of `count` rungs has its own.

        >>> find_pruner("asha").fewest_batches(4), find_pruner("none").fewest_batches(4)
        (27, 4)
        """
        return int(REDUCTION ** (count - 1)) if self.by_powers else count


def _none(first: int, budget: int) -> BasePruner:
    from optuna.pruners import NopPruner

    return NopPruner()


def _asha(first: int, budget: int) -> BasePruner:
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(first, REDUCTION)


def _hyperband(first: int, budget: int) -> BasePruner:
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(first, max(first, budget), REDUCTION)


def _median(first: int, budget: int) -> BasePruner:
    from optuna.pruners import MedianPruner

    return MedianPruner()


def _wilcoxon(first: int, budget: int) -> BasePruner:
    from optuna.pruners import WilcoxonPruner

    return WilcoxonPruner(p_threshold=P_VALUE)


def _patience(first: int, budget: int) -> BasePruner:
    from optuna.pruners import PatientPruner

    return PatientPruner(None, patience=PATIENCE)


_ALL = (
    Pruner(name="none", summary="never stops one", make=_none),
    Pruner(
        name="asha",
        summary="keeps a third at each rung (arXiv:1810.05934)",
        make=_asha,
        by_powers=True,
    ),
    Pruner(
        name=REPEATABLE,
        summary="lets a third of each cohort (27 trials of following numbers, more for five rungs) "
        "go on, once all have come to the rung: the same ones whatever packs run when "
        "(synchronous, arXiv:1502.07943)",
        make=_none,
        by_powers=True,
        is_synchronous=True,
    ),
    Pruner(
        name="hyperband",
        summary="asha from several first rungs, for trials that start slowly (arXiv:1603.06560)",
        make=_hyperband,
        by_powers=True,
    ),
    Pruner(
        name="median",
        summary="stops what is worse than the median at its rung",
        make=_median,
    ),
    Pruner(
        name="wilcoxon",
        summary="stops what is worse than the best trial at most rungs, by a signed-rank test",
        make=_wilcoxon,
    ),
    Pruner(
        name="patience",
        summary="stops what was worse than before at two rungs in a row",
        make=_patience,
    ),
)
PRUNERS: Final[Mapping[str, Pruner]] = {pruner.name: pruner for pruner in _ALL}


def cohort_size(rungs: int) -> int:
    """Return the trials of a cohort: so many that at least one is left at the last rung.

    >>> cohort_size(2), cohort_size(4), cohort_size(5)
    (27, 27, 81)
    """
    return int(max(LEAST_COHORT, REDUCTION ** (rungs - 1)))


def find_pruner(name: str) -> Pruner:
    """Look a pruner up; `UserError` lists the names if there is none of this one."""
    if name not in PRUNERS:
        raise UserError(f"unknown pruner {name!r}: choose from {', '.join(PRUNERS)}.")
    return PRUNERS[name]


def make_pruner(name: str, first_rung: int, budget: int) -> BasePruner:
    """Build Optuna's pruner of this name for rungs from `first_rung` to `budget` images."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return find_pruner(name).make(first_rung, budget)
