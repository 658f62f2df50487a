"""The verdict on a trial's samples: converged, unconverged, collapsed or diverged, and why.

One whose samples still gain variety is then called unconverged, not collapsed: see `LaneTrial`.
"""

import math
from collections.abc import Mapping

from gensweep.trial import Outcome

POINT_BOUNDS = {
    "converged_modes": 1.0,
    "converged_high_quality": 0.8,
    "collapsed_modes": 0.75,
    "collapsed_high_quality": 0.5,
    "collapsed_nearest": 0.62,
    "unlearned_spread": 0.5,
    "scattered_spread": 10.0,
    "collapsed_spread": 0.1,
}
"""Shares: of the mixture's modes, of the samples, of the modes again, and thrice of the data's
variance.

Samples most of which are at no mode have collapsed if they hardly differ, or if they have spread
and lie around few modes: the entropy of their nearest ones is that of less than `collapsed_nearest`
of all. Else they have not learned yet; so have those that are scattered far around the data, whose
nearest modes are the outer ones. Chosen by verdicts.py: 0.59 of runs that saw 15 of 25 modes, 0.616
of 5 of 8, 0.65 and more of others that had spread; of one that was too short 0.47, at 0.19 of the
variance, and of another 0.61, at 62 times the variance.
"""
ADDED_BOUNDS = frozenset({
    "collapsed_high_quality", "collapsed_spread", "collapsed_nearest", "unlearned_spread",
    "scattered_spread", "collapsed_precision", "found_confidence",
})  # fmt: skip
"""Those that sweeps of earlier versions were not judged by, and are not when they go on."""
IMAGE_BOUNDS = {
    "converged_density": 0.2,
    "converged_coverage": 0.5,
    "collapsed_coverage": 0.05,
    "collapsed_variance": 0.1,
}
"""Shares; the density is 1 for the data themselves. Chosen by verdicts.py: 0.24 and more of runs
whose pictures are good, mostly below 0.15 of those that are not.
"""
POINT_CLOUD_BOUNDS = IMAGE_BOUNDS | {"converged_density": 0.5}
"""Of points whose modes nobody tells, which are compared as they are. Chosen by verdicts.py: 0.71
and more of runs that drew the data's shape, up to 0.34 of clouds around it.
"""
CLASS_BOUNDS = {
    "converged_classes": 0.9,
    "collapsed_classes": 0.5,
    "collapsed_precision": 0.5,
    "found_share": 0.25,
    "found_confidence": 0.9,
}
"""A class is found if it has at least `found_share` of its share in the data, among the samples to
whose class the classifier gives a probability of `found_confidence`, or that of half of the real
examples if that is less: it calls those between classes by one, too, but is not sure of it.
Chosen by verdicts.py: of digits that a model never saw, up to 0.16 of their share among such
samples, and of those that it did see 0.37 at least; of all samples that is 0.33 and 0.47.

Of samples most of which are near no real example those between classes are counted too, but a few
strays do not save a class: by the divergence of the samples' classes from the data's.
"""

Metrics = Mapping[str, float]
Bounds = Mapping[str, float]
"""By the names of the constants above; those of a sweep that an earlier version began differ."""
OutcomeWithCause = tuple[Outcome, str]
"""An outcome, and its cause in words."""


def diverged(metrics: Metrics) -> OutcomeWithCause | None:
    """Tell of samples or metrics that are not finite; None if all are."""
    if metrics.get("finite") == 1.0:
        return None
    return Outcome.DIVERGED, "non-finite samples"


def judge_points(metrics: Metrics, modes: int, bounds: Bounds) -> OutcomeWithCause:
    """Judge samples of a mixture that has so many modes."""
    found, good = metrics["modes"], metrics["high_quality"]
    says = f"{found:.0f} of {modes} modes, {good:.0%} high-quality samples"
    if is_one_point(metrics, bounds):
        return Outcome.COLLAPSED, f"{says}, {metrics['variance_ratio']:.1%} of the data's variance"
    if good >= bounds.get("collapsed_high_quality", 0.0):
        if found < bounds["collapsed_modes"] * modes:
            return Outcome.COLLAPSED, says
    elif lost := _lie_around_few(metrics, modes, bounds):
        return Outcome.COLLAPSED, f"{says}, {lost}"
    full = found >= bounds["converged_modes"] * modes
    converged = full and good >= bounds["converged_high_quality"]
    return (Outcome.CONVERGED if converged else Outcome.UNCONVERGED), says


def _lie_around_few(metrics: Metrics, modes: int, bounds: Bounds) -> str:
    """Say around how few modes samples lie that have spread but are at none; empty if at most."""
    if "collapsed_nearest" not in bounds:
        return ""
    most = bounds.get("scattered_spread", math.inf)
    if not bounds["unlearned_spread"] <= metrics["variance_ratio"] <= most:
        return ""
    nearest = math.exp(metrics["mode_entropy"])
    return f"around {nearest:.1f}" if nearest < bounds["collapsed_nearest"] * modes else ""


def is_one_point(metrics: Metrics, bounds: Bounds) -> bool:
    """Tell whether samples of a mixture hardly differ, wherever they are."""
    return metrics["variance_ratio"] < bounds.get("collapsed_spread", 0.0)


def judge_images(metrics: Metrics, classes: int | None, bounds: Bounds) -> OutcomeWithCause:
    """Judge images and, of data with so many classes, by the classes that are found, too."""
    if lost := _collapse(metrics, classes, bounds):
        return Outcome.COLLAPSED, lost
    density, coverage = metrics["density"], metrics["coverage"]
    good = density >= bounds["converged_density"]
    good = good and coverage >= bounds["converged_coverage"]
    says = f"density {density:.2f}, coverage {coverage:.2f}"
    if classes is not None:
        good = good and metrics["classes"] >= bounds["converged_classes"] * classes
        says += f", {metrics['classes']:.0f} of {classes} classes"
    return (Outcome.CONVERGED if good else Outcome.UNCONVERGED), says


def kept_classes(metrics: Metrics, classes: int, bounds: Bounds) -> float:
    """Return how many classes are not lost: of samples far from real ones about how many they are.

    That is the exponential of the entropy of their classes, if the data have equally many of each.
    """
    if metrics["precision"] >= bounds.get("collapsed_precision", 0.0):
        return metrics["classes"]
    return classes * math.exp(-metrics["class_kl"])


def _collapse(metrics: Metrics, classes: int | None, bounds: Bounds) -> str:
    """Say what shows that images collapsed; empty if nothing does."""
    if classes is not None:
        kept = kept_classes(metrics, classes, bounds)
        if kept < bounds["collapsed_classes"] * classes:
            return f"{kept:.0f} of {classes} classes"
    if metrics["variance_ratio"] < bounds["collapsed_variance"]:
        return f"sample variance is {metrics['variance_ratio']:.1%} of the data's"
    if classes is None and metrics["coverage"] < bounds["collapsed_coverage"]:
        return f"coverage {metrics['coverage']:.2f}"
    return ""
