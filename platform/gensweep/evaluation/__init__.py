"""What trained lanes are worth: samples, metrics, likelihood, truncation curve, verdict."""

from gensweep.evaluation._held_out import remeasured, told
from gensweep.evaluation._lane_evaluator import Judge, Result
from gensweep.evaluation._likelihood import METRICS, Likelihood
from gensweep.evaluation._reference import make_judge, real_grid
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sampling import described, sample_lane

__all__ = [
    "Judge",
    "Likelihood",
    "METRICS",
    "Result",
    "described",
    "grid_png",
    "make_judge",
    "real_grid",
    "remeasured",
    "sample_lane",
    "told",
]
