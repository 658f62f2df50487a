"""The study: one source of truth for a sweep, as leases over an Optuna study."""

from gensweep.study._budget import Budget
from gensweep.study._identity import difference, plain
from gensweep.study._open import SweepView, list_sweeps, read_sweep
from gensweep.study._pruners import BY_POWERS, PRUNERS, REDUCTION, make_pruner
from gensweep.study._records import TERMINAL, Lease, StaleLease, State, TrialRecord, trial_seed
from gensweep.study._sampler import SAMPLERS
from gensweep.study._space import all_strata, as_json, conditions, finite, ordered
from gensweep.study._storage import journal_path, only_writer
from gensweep.study._study import Study

__all__ = [
    "Budget",
    "Lease",
    "BY_POWERS",
    "PRUNERS",
    "REDUCTION",
    "SAMPLERS",
    "StaleLease",
    "State",
    "Study",
    "SweepView",
    "TERMINAL",
    "TrialRecord",
    "all_strata",
    "as_json",
    "conditions",
    "difference",
    "finite",
    "journal_path",
    "list_sweeps",
    "make_pruner",
    "only_writer",
    "ordered",
    "plain",
    "read_sweep",
    "trial_seed",
]
