"""A sweep's trials as records and as a table, and its report anew.

Runs in: the script's process.
"""

from gensweep.results._best import Best, best_configuration, best_of, trial_of
from gensweep.results._compare import Comparison, SweepDifference, SweepSide, compare
from gensweep.results._loaded import LoadedSweep, load
from gensweep.results._progress import PaceMeter, SweepProgress
from gensweep.results._read import (
    is_driven_here,
    ledger_here,
    model_of,
    read_here,
    refuse_damaged,
    results_of,
    sweeps_here,
)
from gensweep.results._records import trial_views
from gensweep.results._report_anew import SweepReport, report_anew, rung_pictures, trial_pictures
from gensweep.results._stored_report import HYPERPARAMETERS, StoredReport, stored_report
from gensweep.results._sweep_of import sweep_of, whole_configuration
from gensweep.results._table import every_trial_table, results_table

__all__ = [
    "HYPERPARAMETERS",
    "Best",
    "Comparison",
    "LoadedSweep",
    "PaceMeter",
    "StoredReport",
    "SweepDifference",
    "SweepProgress",
    "SweepReport",
    "SweepSide",
    "best_configuration",
    "best_of",
    "compare",
    "every_trial_table",
    "is_driven_here",
    "load",
    "model_of",
    "read_here",
    "refuse_damaged",
    "report_anew",
    "results_of",
    "results_table",
    "rung_pictures",
    "stored_report",
    "sweep_of",
    "ledger_here",
    "sweeps_here",
    "trial_of",
    "trial_pictures",
    "trial_views",
    "whole_configuration",
]
