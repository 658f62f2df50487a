"""The study: one source of truth for a sweep, as leases over an Optuna study."""

from gensweep.study._budget import Budget
from gensweep.study._open import SweepView, list_sweeps, read_sweep
from gensweep.study._records import TERMINAL, Lease, StaleLease, State, TrialRecord, trial_seed
from gensweep.study._sampler import make_pruner
from gensweep.study._space import finite
from gensweep.study._study import Study

__all__ = [
    "Budget",
    "Lease",
    "StaleLease",
    "State",
    "Study",
    "SweepView",
    "TERMINAL",
    "TrialRecord",
    "finite",
    "list_sweeps",
    "make_pruner",
    "read_sweep",
    "trial_seed",
]
