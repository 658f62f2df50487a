"""Metrics of samples under a stated protocol; torch and the standard library alone.

But for the exact Wasserstein distance, for which scipy is imported where it is measured.

Runs in: a pack's workers. The script's process measures the best trial.
"""

from gensweep.metrics._classifier import FeatureNet, train_classifier
from gensweep.metrics._copies import CopyTest, nearest_places
from gensweep.metrics._distances import finite, label_metrics, sliced_wasserstein
from gensweep.metrics._evaluator import Evaluator, draw
from gensweep.metrics._feature_file import FileFeatures
from gensweep.metrics._feature_input import INPUTS, FeatureInput, feature_input
from gensweep.metrics._frechet import frechet_distance, moments
from gensweep.metrics._images import AnyFeatures, feature_batches
from gensweep.metrics._kernel import kernel_distance
from gensweep.metrics._likelihood_units import bits_per_dim
from gensweep.metrics._modes import mode_metrics
from gensweep.metrics._prdc import prdc
from gensweep.metrics._projection import Projection
from gensweep.metrics._stacked import StackedNet

__all__ = [
    "AnyFeatures",
    "CopyTest",
    "Evaluator",
    "INPUTS",
    "FeatureInput",
    "FeatureNet",
    "FileFeatures",
    "Projection",
    "StackedNet",
    "bits_per_dim",
    "draw",
    "feature_batches",
    "feature_input",
    "finite",
    "frechet_distance",
    "kernel_distance",
    "label_metrics",
    "mode_metrics",
    "moments",
    "nearest_places",
    "prdc",
    "sliced_wasserstein",
    "train_classifier",
]
