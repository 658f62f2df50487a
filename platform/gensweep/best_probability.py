"""How sure it is that a configuration is the best one, from how its seeds differ.

By sweeps that `tests/benchmarks/best_probability.py` replays from two recorded pools, of which it
was chosen on the first (ring8) and is shown on the second (digits), 2400 of each kind: it says
of the best, in hundredths, more than is right by 0 (repeated) and 2 (confirmed) on the first, by 2
and -1 on the second, with standard errors of 1; of the third that it is least sure of by 1, 5, -1
and -4 (2), of that it is surest of by 1, 0, 4 and 0 (1). Of one metric it is off by 7 at most, and
of pools of half the configurations by 6 in the root mean square, 17 at most: two of nearly equal
means are in most sweeps of some. Whoever knew all of a normal world but the means would be off by
4 to 5.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensweep.objective import Configuration

MOST = 200
"""Configurations among which the best is looked for: time and memory grow as their square, to 1.5 s
and 70 MB."""
MAX_FREEDOM = 1000.0
"""Of the variance that configurations share: more tells no more."""
FREEDOM, FREEDOM_WIDTH = 2.0, 0.5
"""That freedom before any trial is seen, and the deviation of its logarithm: few seeds hardly tell
how much the variances differ."""
SLOPE = 1.0
"""How much the logarithm of the variance rises or falls with the means' rank, before any is seen.
"""
WIDTH, TAIL = 4.0, 3.0
"""Of the prior's kernels the variance over that of the means, but for their number, and the degrees
of freedom of their tails."""
_EDGES = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-8, 8, 65)[1:-1])), [1.0]])
QUANTILES, SHARES = (_EDGES[1:] + _EDGES[:-1]) / 2, np.diff(_EDGES)
"""By which a distribution is told, closer in its tails, and what probability each stands for."""

METHOD = (
    "Probability of being best: how likely a configuration's mean over all seeds that there could "
    "be is the least, or the largest where more is better, among those with a probability. Each "
    "mean has a t distribution, whose variance over seeds is moderated by those of the others "
    "(Smyth 2004, doi:10.2202/1544-6115.1027) and by the rank of its mean, and a prior from where "
    "the others' means are (empirical Bayes, by kernels); all of it of the logarithms where seeds "
    "of positive values are then likelier to differ equally (Box and Cox 1964). In sweeps replayed "
    "from recorded trials it is right as often as it says, within 3 % over all of them; of one "
    "metric it can be 7 % off, and 15 % of few configurations whose best are nearly equal."
)

Array = NDArray[np.float64]


def probability_text(share: float) -> str:
    """Write a probability, whose last percent no few seeds tell.

    >>> probability_text(0.718), probability_text(1.0)
    ('72 %', 'over 99 %')
    """
    percent = round(100 * share)
    return f"{'under 1' if percent < 1 else 'over 99' if percent > 99 else percent} %"


def best_probabilities(ranked: Sequence[Configuration]) -> list[float]:
    """Return how likely each configuration has the best mean over all seeds that there could be.

    Empty where nothing tells: fewer than two configurations, or none whose seeds differ. Where
    some are confirmed, which come first, it is told of those alone; of those behind the best `MOST`
    it is none.
    """
    ranked = [one for one in ranked if one.confirmed] or ranked
    if len(ranked) < 2 or all(len(set(one.values)) < 2 for one in ranked):
        return []
    ranked, hopeless = ranked[:MOST], len(ranked[MOST:])
    values = [np.array(one.values, np.float64) for one in ranked]
    every = np.concatenate(values)
    sign = math.copysign(1.0, every[0])
    is_log = bool((every * sign > 0).all()) and _is_log_likelier([each * sign for each in values])
    if is_log:
        values = [sign * np.log(each * sign) for each in values]
    # The mean of a log-normal is exp(mean + variance / 2) of its logarithm.
    return [*_chances_of_least(values, sign / 2 if is_log else 0.0), *[0.0] * hopeless]


def _is_log_likelier(values: Sequence[Array]) -> bool:
    """Tell whether positive values are likelier log-normal than normal, of one variance each way.

    The residual likelihoods of Box and Cox (1964), of which a mean for each configuration is free.
    """
    logs = [np.log(each) for each in values]
    freedom = sum(len(each) - 1 for each in values)
    jacobian = float(np.concatenate(logs).mean())
    normal, log_normal = (
        math.log(sum(float(((each - each.mean()) ** 2).sum()) for each in some) + 1e-300)
        for some in (values, logs)
    )
    return freedom > 0 and log_normal / 2 + jacobian < normal / 2


def _chances_of_least(values: Sequence[Array], skew: float) -> list[float]:
    """Return how likely each configuration's mean, plus its variance times `skew`, is the least."""
    from scipy.special import stdtrit  # costs every process of a sweep, which seldom need it

    freedom, variances = _moderate(values)
    means = np.array([each.mean() for each in values])
    errors = variances / [len(each) for each in values]
    kinds, which = np.unique(freedom, return_inverse=True)
    noise = stdtrit(kinds[:, None], QUANTILES)[which] * np.sqrt(errors)[:, None]
    weights = SHARES * _prior(means[:, None] + noise, means, errors)
    weights /= weights.sum(1, keepdims=True)
    below = weights.cumsum(1) - weights / 2
    at = (means + skew * variances)[:, None] + noise
    above = np.stack([np.interp(at, own, 1 - part, 1.0, 0.0)
                      for own, part in zip(at, below, strict=True)])  # fmt: skip
    own = np.arange(len(values))
    above[own, own] = 1.0
    least = (weights * above.prod(0)).sum(1)
    return [float(share) for share in least / least.sum()]


def _prior(at: Array, means: Array, errors: Array) -> Array:
    """Return the prior density of each configuration's mean [C] at the points `at` [C, P].

    It is where the others' means are, give or take what these are unsure by and a kernel's width:
    few are good and many alike, so that a normal prior would draw the good ones to the others.
    """
    spread = float(means.var(ddof=1))
    between = max(spread - float(errors.mean()), 1e-12 * spread + 1e-300)
    scales = np.sqrt(WIDTH * between * len(means) ** -0.4 + errors)
    away = (at[:, :, None] - means) / scales
    density = (1 + away**2 / TAIL) ** (-(TAIL + 1) / 2) / scales
    own = np.arange(len(means))
    density[own, :, own] = 0.0
    found: Array = density.sum(2)
    found /= found.max(1, keepdims=True)
    return found


def _moderate(values: Sequence[Array]) -> tuple[Array, Array]:
    """Shrink each variance over seeds to what all share; its degrees of freedom grow by as much.

    What they share may grow or fall with the rank of a configuration's mean, as in Law et al. 2014
    (doi:10.1186/gb-2014-15-2-r29): seeds of a good configuration often differ less.
    """
    freedom = np.array([len(each) - 1.0 for each in values])
    squares = np.array([((each - each.mean()) ** 2).sum() for each in values])
    seen = np.array([len(np.unique(each)) > 1 for each in values])
    squares[~seen] = 0.0  # of equal seeds what is left is rounding
    rank = np.array([each.mean() for each in values]).argsort().argsort()
    trend = _trend(freedom, squares, seen, (rank - rank.mean()) / max(float(rank.std()), 1e-9))
    prior, shared = _fit_prior(freedom[seen], squares[seen] / freedom[seen] / trend[seen])
    return freedom + prior, (prior * shared * trend + squares) / (freedom + prior)


def _trend(freedom: Array, squares: Array, seen: Array, rank: Array) -> Array:
    """Return by how much each configuration's variance is above others' for the rank of its mean.

    A ridge regression of the logarithms, for the slope of few configurations is not well known.
    """
    from scipy.special import polygamma  # costs every process of a sweep, which seldom need it

    at = rank[seen] - rank[seen].mean()
    logs = np.log(squares[seen] / freedom[seen])
    noise = float(polygamma(1, freedom[seen] / 2).mean()) + float(polygamma(1, FREEDOM / 2))
    slope = float(at @ logs) / (float(at @ at) + noise / SLOPE**2)
    found: Array = np.exp(slope * (rank - rank[seen].mean()))
    return found


def _fit_prior(freedom: Array, variances: Array) -> tuple[float, float]:
    """Return the degrees of freedom and the variance that configurations share, the likeliest.

    Variances over the shared one have an F distribution (Smyth 2004); the freedom has a log-normal
    prior around `FREEDOM`, without which few seeds tell almost nothing of it.
    """
    from scipy.special import gammaln

    priors = np.geomspace(1, MAX_FREEDOM, 25)[:, None, None]
    shared = np.log(variances).mean() + np.linspace(-4, 4, 61)
    ratio = np.log(variances) - shared[:, None]
    both, own = (freedom + priors) / 2, freedom / 2
    fit = gammaln(both) - gammaln(own) - gammaln(priors / 2) + own * np.log(freedom / priors)
    fit = fit + own * ratio - both * np.log1p(freedom * np.exp(ratio) / priors)
    likely = fit.sum(2) - (np.log(priors[:, :, 0] / FREEDOM) / FREEDOM_WIDTH) ** 2 / 2
    best, at = np.unravel_index(int(likely.argmax()), likely.shape)
    return float(priors[best, 0, 0]), float(np.exp(shared[at]))
