"""Metrics that carry their protocol; torch and the standard library alone."""

from gensweep.metrics.classifier import FeatureNet, train_classifier
from gensweep.metrics.distances import finite, label_metrics, sliced_wasserstein
from gensweep.metrics.evaluator import Evaluator
from gensweep.metrics.frechet import frechet_distance, moments
from gensweep.metrics.likelihood import bits_per_dim, importance_bound
from gensweep.metrics.modes import mode_metrics
from gensweep.metrics.prdc import prdc, radii
from gensweep.metrics.truncation import fidelity_variety

__all__ = [
    "Evaluator", "FeatureNet", "bits_per_dim", "fidelity_variety", "finite", "frechet_distance",
    "importance_bound", "label_metrics", "mode_metrics", "moments", "prdc", "radii",
    "sliced_wasserstein", "train_classifier",
]  # fmt: skip
