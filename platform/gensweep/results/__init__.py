"""A sweep's trials as records and as a table."""

from gensweep.results._read import results_of, sweeps_here
from gensweep.results._records import Trials, failures, trial_records
from gensweep.results._table import table

__all__ = [
    "Trials",
    "trial_records",
    "failures",
    "results_of",
    "sweeps_here",
    "table",
]
