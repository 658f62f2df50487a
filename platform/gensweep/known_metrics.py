"""Every metric that an evaluation returns, in one table: what it is, and which end is better.

The evaluators, the objective of a sweep and the labels of the report read it. What is not in it is
a model's own training loss: its unit is unknown, and less of it is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from gensweep.metric import (
    ALL_POINTS,
    COPIED,
    CRITIC,
    GIVEN_CLASSES,
    IMAGES,
    LABELLED,
    LIKELIHOOD,
    NEUTRAL,
    OVERFITTING,
    POINTS,
    SCORES,
    SLOPE,
    TRANSPORTED,
    W1,
    Metric,
)

_ALL = (
    Metric(
        name="finite",
        larger_is_better=True,
        unit="",
        formula="1 if all samples, and all metrics of them, are finite numbers, else 0",
        kinds=POINTS | IMAGES,
    ),
    Metric(
        name="samples",
        larger_is_better=None,
        unit="",
        formula="N, the samples that were evaluated",
        kinds=POINTS | IMAGES,
    ),
    Metric(
        name="variance_ratio",
        larger_is_better=True,
        unit="",
        formula="mean variance of a sample's numbers / that of a real example's",
        kinds=POINTS | IMAGES,
    ),
    Metric(
        name="modes",
        larger_is_better=True,
        unit="",
        formula="modes with a sample within 3 standard deviations",
        source="arXiv:1712.04086",
        kinds=POINTS,
    ),
    Metric(
        name="high_quality",
        larger_is_better=True,
        unit="",
        formula="share of samples within 3 standard deviations of a mode",
        source="arXiv:1712.04086",
        kinds=POINTS,
    ),
    Metric(
        name="total_variation",
        larger_is_better=False,
        unit="",
        formula="1 - sum over modes of min(1 / K, share of samples of high quality at the mode)",
        kinds=POINTS,
    ),
    Metric(
        name="mode_entropy",
        larger_is_better=True,
        unit="nats",
        formula="-sum p log p over nearest modes",
        kinds=POINTS,
    ),
    Metric(
        name="reverse_kl",
        larger_is_better=False,
        unit="nats",
        formula="KL(p || uniform) over nearest modes",
        source="arXiv:1712.04086",
        kinds=POINTS,
    ),
    Metric(
        name="jsd",
        larger_is_better=False,
        unit="nats",
        formula="Jensen-Shannon divergence of p over nearest modes and uniform",
        kinds=POINTS,
    ),
    Metric(
        name=W1,
        larger_is_better=False,
        unit="units of the data",
        formula="least mean distance of partners, over all ways to pair the first "
        f"{TRANSPORTED} samples with as many real points; at a trial's end, and at each rung if "
        "it is the target",
        source="arXiv:1803.00567",
        kinds=ALL_POINTS,
    ),
    Metric(
        name="w1_sliced",
        larger_is_better=False,
        unit="units of the data",
        formula="mean over 128 directions of |quantile - real quantile|",
        source="arXiv:1503.03132",
        kinds=POINTS,
    ),
    Metric(
        name="w2_sliced",
        larger_is_better=False,
        unit="units of the data",
        formula="root of the mean over 128 directions of |quantile - real quantile|^2",
        source="arXiv:1503.03132",
        kinds=POINTS,
    ),
    Metric(
        name="frechet",
        larger_is_better=False,
        unit="",
        formula="|m - n|^2 + tr(S + T - 2 (S^1/2 T S^1/2)^1/2) of features' means and covariances",
        source="arXiv:1706.08500",
        kinds=IMAGES,
    ),
    Metric(
        name="kernel_distance",
        larger_is_better=False,
        unit="",
        formula="unbiased squared maximum mean discrepancy of features under (x . y / F + 1)^3",
        source="arXiv:1801.01401",
        kinds=IMAGES,
    ),
    Metric(
        name="mind",
        larger_is_better=False,
        unit="",
        formula="3 F times the mean over 256 directions of features' squared W_2",
        source="arXiv:2605.06797",
        kinds=IMAGES,
    ),
    Metric(
        name=COPIED,
        larger_is_better=False,
        unit="",
        formula="share of samples nearer to a training example than all but 1 % of held-out ones, "
        "beyond that percent",
        kinds=IMAGES,
    ),
    Metric(
        name="precision",
        larger_is_better=True,
        unit="",
        formula="share of samples within the k-th neighbour's distance of a real example",
        source="arXiv:1904.06991",
        kinds=IMAGES,
    ),
    Metric(
        name="recall",
        larger_is_better=True,
        unit="",
        formula="share of real examples within the k-th neighbour's distance of a sample",
        source="arXiv:1904.06991",
        kinds=IMAGES,
    ),
    Metric(
        name="density",
        larger_is_better=True,
        unit="",
        formula="mean over samples of the real examples whose k-th neighbour is farther, over k",
        source="arXiv:2002.09797",
        kinds=IMAGES,
    ),
    Metric(
        name="coverage",
        larger_is_better=True,
        unit="",
        formula="share of real examples with a sample nearer than their k-th neighbour",
        source="arXiv:2002.09797",
        kinds=IMAGES,
    ),
    Metric(
        name="clipped_density",
        larger_is_better=True,
        unit="",
        formula="mean over samples of min(1, density in balls of at most the median radius) over "
        "that of real examples",
        source="arXiv:2507.01761",
        kinds=IMAGES,
    ),
    Metric(
        name="clipped_coverage",
        larger_is_better=True,
        unit="",
        formula="share of samples of the data's law that would fill real examples' balls as well, "
        "of each k samples at most",
        source="arXiv:2507.01761",
        kinds=IMAGES,
    ),
    Metric(
        name="classes",
        larger_is_better=True,
        unit="",
        formula="classes with at least a part of their share among real examples, a quarter unless "
        "the outcome rules say otherwise, of samples of whose class the classifier is as sure",
        kinds=LABELLED,
    ),
    Metric(
        name="classes_seen",
        larger_is_better=True,
        unit="",
        formula="classes with at least one sample",
        source="arXiv:1712.04086",
        kinds=LABELLED,
    ),
    Metric(
        name="class_kl",
        larger_is_better=False,
        unit="nats",
        formula="KL(p over classes || the data's shares)",
        kinds=LABELLED,
    ),
    Metric(
        name="class_agreement",
        larger_is_better=True,
        unit="",
        formula="share of samples whose class, by the classifier, is that of what they were given",
        source="arXiv:1807.09499",
        kinds=GIVEN_CLASSES,
    ),
    Metric(
        name="nll",
        larger_is_better=False,
        unit="nats",
        formula="-mean of log p(x), or of its bound, over held-out examples",
        source="arXiv:1509.00519",
        kinds=LIKELIHOOD,
    ),
    Metric(
        name="nll_standard_error",
        larger_is_better=None,
        unit="nats",
        formula="standard deviation of log p(x) / root of the number of examples",
        kinds=LIKELIHOOD,
    ),
    Metric(
        name="bits_per_dim",
        larger_is_better=False,
        unit="bits",
        formula="(log(grey levels a unit) - mean log p(x) / dimensions) / log 2",
        source="arXiv:1511.01844",
        kinds=LIKELIHOOD,
    ),
    Metric(
        name="reconstruction_error",
        larger_is_better=False,
        unit="",
        formula="mean over a held-out example's numbers of (reconstruction - example)^2",
        kinds=SCORES,
    ),
    Metric(
        name="psnr",
        larger_is_better=True,
        unit="dB",
        formula="10 log10(4 / mean squared error) of images in [-1, 1]",
        kinds=SCORES,
    ),
    Metric(
        name="ssim",
        larger_is_better=True,
        unit="",
        formula="structural similarity in windows of 7 pixels",
        source="doi:10.1109/TIP.2003.819861",
        kinds=SCORES,
    ),
    Metric(
        name="denoised_psnr",
        larger_is_better=True,
        unit="dB",
        formula="psnr of what is made of a held-out example with normal noise of denoise_std",
        kinds=SCORES,
    ),
    Metric(
        name="denoising_gain",
        larger_is_better=True,
        unit="dB",
        formula="denoised_psnr - psnr of the noisy example; below 0: it was better left as it was",
        kinds=SCORES,
    ),
    Metric(
        name="gain_over_bicubic",
        larger_is_better=True,
        unit="dB",
        formula="psnr of an enlarged image - psnr of its bicubic interpolation",
        kinds=SCORES,
    ),
    Metric(
        name="ssim_gain_over_bicubic",
        larger_is_better=True,
        unit="",
        formula="ssim of an enlarged image - ssim of its bicubic interpolation",
        kinds=SCORES,
    ),
    Metric(
        name="consistency_error",
        larger_is_better=False,
        unit="",
        formula="mean over pixels of (small image of the enlarged one - small image)^2",
        source="arXiv:2104.07636",
        kinds=SCORES,
    ),
    Metric(
        name="posterior_rate",
        larger_is_better=None,
        unit="nats",
        formula="KL divergence of the posterior of a held-out example from the prior",
        source="arXiv:1312.6114",
        kinds=SCORES,
    ),
    Metric(
        name="active_units",
        larger_is_better=None,
        unit="",
        formula="latent numbers whose posterior mean has a variance above 0.01 over examples",
        source="arXiv:1509.00519",
        kinds=SCORES,
    ),
    Metric(
        name="code_perplexity",
        larger_is_better=None,
        unit="codes",
        formula="exp of the entropy of the shares that codes have of all examples' tokens",
        source="arXiv:1711.00937",
        kinds=SCORES,
    ),
    Metric(
        name="inversion_error",
        larger_is_better=False,
        unit="",
        formula="largest |example - example of its latent| over a held-out example's numbers",
        kinds=SCORES,
    ),
    Metric(
        name=OVERFITTING,
        larger_is_better=None,
        unit="",
        formula="share of pairs of a training and a held-out example of which the critic scores "
        "the training one higher: 0.5 by chance, 1 if it knows all by heart",
        source="arXiv:1809.11096",
        kinds=CRITIC,
    ),
    Metric(
        name=SLOPE,
        larger_is_better=None,
        unit="",
        formula="root of the mean over held-out examples of |gradient of the critic's score by the "
        "example|^2",
        source="arXiv:1704.00028",
        kinds=CRITIC,
    ),
    Metric(
        name="distance",
        larger_is_better=False,
        unit="",
        formula="root mean square distance of the players from the equilibrium, 1 at the start",
        kinds=SCORES,
    ),
)
METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _ALL}
INDICATORS: Final = frozenset({"precision", "high_quality", "class_agreement"})
"""Metrics that are the share of the samples of which something is true."""
COUNTS: Final = frozenset({"modes", "classes", "classes_seen"})
"""Metrics that count how many modes or classes of the data are found."""
LEAST_MOST: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(("recall", "coverage", "clipped_density", "clipped_coverage", COPIED,
                     "total_variation"), (0.0, 1.0)),
    **dict.fromkeys(("frechet", "mind", "density", W1, "w1_sliced", "w2_sliced", "class_kl",
                     "reverse_kl", "jsd", "mode_entropy", "variance_ratio"), (0.0, math.inf)),
}  # fmt: skip
"""The least and the largest value that a metric of samples can have; the others have no bounds."""
LIKELIHOOD_METRICS: Final = frozenset(name for name, m in METRICS.items() if m.kinds & LIKELIHOOD)


def find_metric(name: str) -> Metric | None:
    """Look a metric up by its name, with or without `NEUTRAL`; None for a training loss.

    >>> find_metric("neutral_modes").larger_is_better, find_metric("loss_critic")
    (True, None)
    """
    return METRICS.get(name.removeprefix(NEUTRAL))


def metric_label(name: str) -> str:
    """Label an axis that shows the metric.

    >>> metric_label("frechet"), metric_label("loss_critic")
    ('frechet (less is better)', 'loss_critic')
    """
    metric = find_metric(name)
    return name if metric is None else metric.label
