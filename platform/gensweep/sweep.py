"""Sweeps: a question as a typed object, and all that is needed to answer it."""

from gensweep.catalog import catalog, describe, model_named
from gensweep.driver import main, watch
from gensweep.evaluation import sample_lane
from gensweep.results import results_of, results_table, sweeps_here
from gensweep.spec import Sweep

__all__ = [
    "Sweep",
    "catalog",
    "describe",
    "main",
    "model_named",
    "results_of",
    "results_table",
    "sample_lane",
    "sweeps_here",
]

watch()
