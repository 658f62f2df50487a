"""What trained lanes are worth: samples, metrics, likelihood, truncation curve, verdict."""

from gensweep.evaluation._held_out import evaluate_on_test, told
from gensweep.evaluation._lane_evaluator import LaneEvaluator, Result
from gensweep.evaluation._likelihood import Likelihood
from gensweep.evaluation._reference import build_evaluator, real_grid
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sampling import sample_lane, sampler_spec

__all__ = [
    "LaneEvaluator",
    "Likelihood",
    "Result",
    "sampler_spec",
    "grid_png",
    "build_evaluator",
    "real_grid",
    "evaluate_on_test",
    "sample_lane",
    "told",
]
