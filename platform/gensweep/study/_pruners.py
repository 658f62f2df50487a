"""Pruners by name: Optuna's, at rungs counted in images."""

import warnings
from collections.abc import Callable

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)

from gensweep.budget import PRUNERS, REDUCTION
from gensweep.errors import UserError

PATIENCE = 1
"""Rungs without progress that are forgiven."""
P_VALUE = 0.1

_MADE: dict[str, Callable[[int, int], BasePruner]] = {
    "none": lambda first, budget: NopPruner(),
    "asha": lambda first, budget: SuccessiveHalvingPruner(first, REDUCTION),
    "hyperband": lambda first, budget: HyperbandPruner(first, max(first, budget), REDUCTION),
    "median": lambda first, budget: MedianPruner(),
    "wilcoxon": lambda first, budget: WilcoxonPruner(p_threshold=P_VALUE),
    "patience": lambda first, budget: PatientPruner(None, patience=PATIENCE),
}


def make_pruner(pruner: str | BasePruner | None, first_rung: int = 1,
                budget: int = 1) -> BasePruner:  # fmt: skip
    """A pruner by name, or as given; rungs are at `first_rung` images up to `budget`."""
    if isinstance(pruner, BasePruner):
        return pruner
    name = pruner or "none"
    if name not in _MADE:
        raise UserError(f"unknown pruner {name!r}: choose from {', '.join(PRUNERS)}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return _MADE[name](first_rung, budget)
