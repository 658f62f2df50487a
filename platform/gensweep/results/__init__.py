"""A sweep's trials as records and as a table."""

from gensweep.results._read import results_of, sweeps_here
from gensweep.results._records import Trials, as_records, failures
from gensweep.results._table import table

__all__ = [
    "Trials",
    "as_records",
    "failures",
    "results_of",
    "sweeps_here",
    "table",
]
