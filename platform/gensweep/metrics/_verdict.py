"""The verdict on a trial's samples: converged, unconverged, collapsed or diverged, and why.

One whose samples still gain variety is then called unconverged, not collapsed: see `LaneTrial`.
"""

from collections.abc import Mapping

from gensweep.trial import Outcome

POINT_BOUNDS = {
    "converged_modes": 1.0,
    "converged_high_quality": 0.8,
    "collapsed_modes": 0.75,
    "collapsed_high_quality": 0.5,
    "collapsed_spread": 0.1,
}
"""Shares: of the mixture's modes, of the samples, and of the data's variance.

Of samples most of which are at no mode none is lost: they have collapsed if they hardly differ, and
else have not learned yet. That is told by verdicts.py, of runs that were too short.
"""
ADDED_BOUNDS = frozenset(
    {"collapsed_high_quality", "collapsed_spread", "collapsed_precision", "found_confidence"}
)
"""Those that sweeps of earlier versions were not judged by, and are not when they go on."""
IMAGE_BOUNDS = {
    "converged_density": 0.3,
    "converged_coverage": 0.5,
    "collapsed_coverage": 0.05,
    "collapsed_variance": 0.1,
}
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

Of samples most of which are near no real example, a class is lost if none of them is of it.
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
    is_at_modes = good >= bounds.get("collapsed_high_quality", 0.0)
    if found < bounds["collapsed_modes"] * modes and is_at_modes:
        return Outcome.COLLAPSED, says
    full = found >= bounds["converged_modes"] * modes
    converged = full and good >= bounds["converged_high_quality"]
    return (Outcome.CONVERGED if converged else Outcome.UNCONVERGED), says


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


def _collapse(metrics: Metrics, classes: int | None, bounds: Bounds) -> str:
    """Say what shows that images collapsed; empty if nothing does."""
    if classes is not None:
        is_near = metrics["precision"] >= bounds.get("collapsed_precision", 0.0)
        kept = metrics["classes" if is_near else "classes_seen"]
        if kept < bounds["collapsed_classes"] * classes:
            return f"{kept:.0f} of {classes} classes"
    if metrics["variance_ratio"] < bounds["collapsed_variance"]:
        return f"sample variance is {metrics['variance_ratio']:.1%} of the data's"
    if classes is None and metrics["coverage"] < bounds["collapsed_coverage"]:
        return f"coverage {metrics['coverage']:.2f}"
    return ""
