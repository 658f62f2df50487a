"""Evaluates trained lanes: samples, metrics, likelihood, fidelity-variety curves, verdict.

Runs in: a pack's workers while it trains; the script's process for the best trial at the end.
"""

from gensweep.evaluation._copied_examples import copy_examples
from gensweep.evaluation._evaluation import CurvePoint, Evaluation
from gensweep.evaluation._feature_file import (
    kept_file_features,
    load_file_features,
    read_file_features,
)
from gensweep.evaluation._floor import Floor, measure_floor
from gensweep.evaluation._held_out import TestResult, evaluate_on_test
from gensweep.evaluation._held_out_examples import condition_classes, conditions, given_of
from gensweep.evaluation._lane_evaluator import LaneEvaluator
from gensweep.evaluation._lane_likelihood import Likelihood
from gensweep.evaluation._lane_pictures import draw_pictures, encode_lane, picture_lane
from gensweep.evaluation._lane_scores import Scores
from gensweep.evaluation._perceptual_features import train_features
from gensweep.evaluation._reference import (
    build_evaluator,
    draw_examples,
    load_feature_net,
    real_grid,
)
from gensweep.evaluation._reranking import Ranking, sample_reranked
from gensweep.evaluation._sample_grid import grid_png
from gensweep.evaluation._sampling import NoData, SamplerSpec, Shape, sample_lane, sampler_spec

__all__ = [
    "CurvePoint",
    "Evaluation",
    "Floor",
    "LaneEvaluator",
    "Likelihood",
    "NoData",
    "Ranking",
    "SamplerSpec",
    "Scores",
    "Shape",
    "TestResult",
    "build_evaluator",
    "condition_classes",
    "conditions",
    "copy_examples",
    "draw_examples",
    "draw_pictures",
    "encode_lane",
    "evaluate_on_test",
    "given_of",
    "grid_png",
    "kept_file_features",
    "load_feature_net",
    "load_file_features",
    "measure_floor",
    "picture_lane",
    "read_file_features",
    "real_grid",
    "sample_lane",
    "sample_reranked",
    "sampler_spec",
    "train_features",
]
