"""A sweep's trials as records and as a table.

Runs in: the script's process.
"""

from gensweep.results._read import model_of, results_of, sweeps_here
from gensweep.results._records import trial_views, typical_failures
from gensweep.results._table import results_table

__all__ = [
    "model_of",
    "results_of",
    "results_table",
    "sweeps_here",
    "trial_views",
    "typical_failures",
]
