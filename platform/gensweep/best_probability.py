"""How sure it is that a configuration is the best one, from how its seeds differ."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gensweep.decades import spans_decades
from gensweep.objective import Configuration

DRAWS = 4000
MAX_FREEDOM = 1000.0
"""Of the variance that configurations share: more tells no more."""

METHOD = (
    "Probability of being best: the share of draws in which a configuration's mean is the least, "
    "or the largest where more is better. Means are drawn from a normal posterior with a normal "
    "prior over the configurations (empirical Bayes); each variance over seeds is moderated by "
    "those of the others (Smyth 2004, doi:10.2202/1544-6115.1027); all of it of the logarithms "
    "where positive values span decades."
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
    is_log = bool((every * sign > 0).all()) and spans_decades(list(every * sign))
    if is_log:
        values = [np.log(each * sign) for each in values]
    draws = _draw_means(values, is_log) * (sign if is_log else 1.0)
    wins = np.bincount(draws.argmin(axis=1), minlength=len(ranked))
    return [float(share) for share in wins / len(draws)]


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

    The prior is fitted to the logarithms of the variances as in Smyth 2004, section 6.2.
    """
    freedom = np.array([len(each) - 1.0 for each in values])
    squares = np.array([((each - each.mean()) ** 2).sum() for each in values])
    seen = np.array([len(np.unique(each)) > 1 for each in values])
    squares[~seen] = 0.0  # of equal seeds what is left is rounding
    prior, shared = _fit_prior(freedom[seen], squares[seen] / freedom[seen])
    return freedom + prior, (prior * shared + squares) / (freedom + prior)


def _fit_prior(freedom: Array, variances: Array) -> tuple[float, float]:
    """Return the degrees of freedom and the variance that configurations share."""
    from scipy.optimize import brentq  # costs every process of a sweep, which seldom need it
    from scipy.special import digamma, polygamma

    if len(variances) < 3:
        return MAX_FREEDOM, float(np.average(variances, weights=freedom))
    logs = np.log(variances) - digamma(freedom / 2) + np.log(freedom / 2)
    spread = float(logs.var(ddof=1) - polygamma(1, freedom / 2).mean())
    if spread <= float(polygamma(1, MAX_FREEDOM / 2)):
        prior = MAX_FREEDOM
    else:
        prior = 2 * float(brentq(lambda half: polygamma(1, half) - spread, 1e-3, MAX_FREEDOM / 2))
    return prior, float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2)))
