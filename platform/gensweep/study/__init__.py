"""The study: one source of truth for a sweep, as leases over an Optuna study.

Runs in: the coordinator's actor. The script's process reads it.
"""

from gensweep.study._driven import is_driven
from gensweep.study._end import ResolvedEnd
from gensweep.study._former import completed
from gensweep.study._identity import difference, leaf_differences, plain
from gensweep.study._location import ledger_of
from gensweep.study._read import SweepSnapshot, list_sweeps, read_sweep, unknown_sweep
from gensweep.study._study import Study
from gensweep.study._study_spec import StudyRuntime, StudySpec
from gensweep.study.journal import DrivenAlreadyError, journal_path, only_writer

__all__ = [
    "DrivenAlreadyError",
    "ResolvedEnd",
    "Study",
    "StudyRuntime",
    "StudySpec",
    "SweepSnapshot",
    "completed",
    "difference",
    "is_driven",
    "journal_path",
    "leaf_differences",
    "ledger_of",
    "list_sweeps",
    "only_writer",
    "plain",
    "read_sweep",
    "unknown_sweep",
]
