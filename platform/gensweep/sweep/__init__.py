"""Sweeps: a question as a typed object, and all that is needed to answer it."""

from gensweep.sweep._catalog import catalog, describe, model_named
from gensweep.sweep._finish import table
from gensweep.sweep._read import results_of, sweeps_here
from gensweep.sweep._run import main
from gensweep.sweep._sampling import sample_lane
from gensweep.sweep._script import watch
from gensweep.sweep._sweep import Sweep

__all__ = [
    "Sweep",
    "catalog",
    "describe",
    "main",
    "model_named",
    "results_of",
    "sample_lane",
    "sweeps_here",
    "table",
]

watch()
