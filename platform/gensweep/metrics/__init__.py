"""Metrics that carry their protocol; torch and the standard library alone."""

from gensweep.metrics.classifier import FeatureNet, train_classifier
from gensweep.metrics.distances import finite, label_metrics, sliced_wasserstein
from gensweep.metrics.evaluator import LARGER_IS_BETTER, Evaluator, draw
from gensweep.metrics.frechet import frechet_distance, moments
from gensweep.metrics.likelihood import bits_per_dim
from gensweep.metrics.modes import mode_metrics
from gensweep.metrics.prdc import prdc, radii
from gensweep.metrics.projection import Projection

__all__ = [
    "Evaluator",
    "FeatureNet",
    "LARGER_IS_BETTER",
    "Projection",
    "bits_per_dim",
    "draw",
    "finite",
    "frechet_distance",
    "label_metrics",
    "mode_metrics",
    "moments",
    "prdc",
    "radii",
    "sliced_wasserstein",
    "train_classifier",
]
