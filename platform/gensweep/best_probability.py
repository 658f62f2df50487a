"""How sure it is that a configuration is the best one, from how its seeds differ.

What was compared, by sweeps that `tests/report/test_report_replay.py` replays from recorded trials,
800 of each of three metrics, evenly repeated ones and confirmed ones: how much more it says of the
best than is right, in hundredths. A prior over the configurations, and logarithms where they are
likelier: -4, -3 and -1, confirmed 2, -1 and 3, the nearest of all. Logarithms only of values that
span decades: -5, -6 and -1, confirmed 2, -6 and 3. No prior: 6, -7 and 10, confirmed 3, -7 and 5. A
Bayesian bootstrap of the seeds: 9, 4 and 14, confirmed 5, 0 and 5. A bootstrap of all residuals: 8,
-5 and 13. The prior's variance drawn, too: -11, -5 and -9. Scales with a shift, averaged by their
likelihood: 2, -5 and 6, confirmed 2, -2 and 3, but with a larger squared error of the confirmed.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensweep.objective import Configuration

DRAWS = 4000
MAX_FREEDOM = 1000.0
"""Of the variance that configurations share: more tells no more."""
FREEDOM, SLOPE = 4.0, 2.0
"""That freedom, and how much the logarithm of the variance rises with the means' rank, before any
trial is seen: the first within a factor of e, the second either way."""

METHOD = (
    "Probability of being best: the share of draws in which a configuration's mean is the least, "
    "or the largest where more is better. Means are drawn from a posterior with a normal "
    "prior over the configurations (empirical Bayes); each variance over seeds is moderated by "
    "those of the others (Smyth 2004, doi:10.2202/1544-6115.1027) and by the rank of its mean; all "
    "of it of the logarithms where seeds of positive values are then likelier to differ equally "
    "(Box and Cox 1964)."
)

Array = NDArray[np.float64]


def probability_text(share: float) -> str:
    """Write a probability, whose last percent no few draws tell.

    >>> probability_text(0.718), probability_text(1.0)
    ('72 %', 'over 99 %')
    """
    percent = round(100 * share)
    return f"{'under 1' if percent < 1 else 'over 99' if percent > 99 else percent} %"


def best_probabilities(ranked: Sequence[Configuration]) -> list[float]:
    """Return how likely each configuration has the best mean over all seeds that there could be.

    Empty where nothing tells: fewer than two configurations, or none whose seeds differ. Where
    some are confirmed, which come first, it is told of those alone.
    """
    ranked = [one for one in ranked if one.confirmed] or ranked
    if len(ranked) < 2 or all(len(set(one.values)) < 2 for one in ranked):
        return []
    values = [np.array(one.values, np.float64) for one in ranked]
    every = np.concatenate(values)
    sign = math.copysign(1.0, every[0])
    is_log = bool((every * sign > 0).all()) and _is_log_likelier([each * sign for each in values])
    if is_log:
        values = [np.log(each * sign) for each in values]
    draws = _draw_means(values, is_log) * (sign if is_log else 1.0)
    wins = np.bincount(draws.argmin(axis=1), minlength=len(ranked))
    return [float(share) for share in wins / len(draws)]


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


def _draw_means(values: Sequence[Array], is_log: bool) -> Array:
    """Draw the configurations' means from their posterior; of exp(values) if `is_log`."""
    sizes = np.array([len(each) for each in values], np.float64)
    means = np.array([each.mean() for each in values])
    freedom, variances = _moderate(values)
    errors = variances / sizes
    between = max(float(means.var(ddof=1) - errors.mean()), 1e-12 * float(means.var()) + 1e-300)
    centre = float(np.average(means, weights=1 / (between + errors)))
    weights = between / (between + errors)
    random = np.random.default_rng(0)
    noise = random.standard_t(freedom, (DRAWS, len(values)))
    drawn: Array = weights * means + (1 - weights) * centre + noise * np.sqrt(weights * errors)
    return np.exp(np.minimum(drawn + variances / 2, 700.0)) if is_log else drawn


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
    likely = fit.sum(2) - np.log(priors[:, :, 0] / FREEDOM) ** 2 / 2
    best, at = np.unravel_index(int(likely.argmax()), likely.shape)
    return float(priors[best, 0, 0]), float(np.exp(shared[at]))
