"""The statistics behind the report: pure functions of plain numbers."""

import math
from collections.abc import Iterator, Sequence

from gensweep.errors import UserError
from gensweep.intervals import wilson


def clustered_wilson(groups: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Wilson's interval with the effective sample size; groups are (successes, trials).

    Trials of one group (seeds of one configuration) are not independent: the number of trials is
    divided by the design effect, the variance between groups over that of independent trials (at
    least 1), and corrected for the degrees of freedom, as in Korn and Graubard 1998. Equal to
    `wilson` where every group has one trial; where all or none succeed the effect cannot be seen,
    and each group counts once.

    >>> clustered_wilson([(1, 1), (0, 1)]) == wilson(1, 2)
    True
    >>> [round(bound, 2) for bound in clustered_wilson([(3, 3), (3, 3), (0, 3), (0, 3)])]
    [0.09, 0.91]
    """
    good, total = (sum(column) for column in zip(*groups, strict=True)) if groups else (0, 0)
    if good in (0, total):
        return wilson(len(groups) if good else 0, len(groups))
    share = good / total
    between = sum((successes - share * trials) ** 2 for successes, trials in groups)
    effective = total / max(1.0, between / (total * share * (1 - share)))
    if len(groups) == 1:
        effective = 1.0
    elif len(groups) < total:  # the variance between few groups is not well known
        effective *= (_quantile(total - 1) / _quantile(len(groups) - 1)) ** 2
    return wilson(share * effective, effective)


def _quantile(freedom: int) -> float:
    """Student's t at 97.5 %."""
    from scipy.special import stdtrit  # costs every process of a sweep, which seldom need it

    return float(stdtrit(freedom, 0.975))


def best_of_k(values: Sequence[float], k: int, share: float = 0.5) -> float:
    """Quantile `share` of the smallest of k values drawn without replacement; exact.

    A draw without a value is `inf`: it ranks last, and the quantile is infinite while fewer than
    `share` of the draws of k hold a finite value. The expectation of Dodge et al. 2019
    (arXiv:1909.03004) is infinite as soon as k draws may all fail, so the median stands in its
    place; without replacement, because their estimator with replacement is biased (Tang et al.
    2020, arXiv:2004.13705).

    >>> [best_of_k([1.0, math.inf, math.inf, math.inf], k) for k in (1, 2)]
    [inf, 1.0]
    """
    total = 0.0
    for weight, value in zip(_weights(len(values), k), sorted(values), strict=True):
        total += weight
        if total >= share - 1e-12:
            return value
    return max(values)


def log_bins(values: Sequence[float], count: int = 8) -> list[float]:
    """count + 1 edges, equal in the logarithm, around positive values.

    >>> [round(edge, 9) for edge in log_bins([0.01, 1.0], 2)]
    [0.01, 0.1, 1.0]
    """
    if not values or min(values) <= 0:
        raise UserError("logarithmic bins need values above 0: choose another `map_axis`")
    low, high = math.log(min(values)), math.log(max(values))
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return [math.exp(low + (high - low) * i / count) for i in range(count + 1)]


def _weights(count: int, k: int) -> Iterator[float]:
    """Yield how likely each sorted value is the smallest: C(count - i - 1, k - 1) / C(count, k).

    One by one: of large k the first few hold all of the weight, and a report asks for every k.
    """
    if not 1 <= k <= count:
        raise UserError(f"1 <= k <= {count} values must hold, but got {k=}")
    weight = k / count
    yield weight
    for i in range(count - 1):
        weight = weight * max(0, count - i - k) / (count - i - 1)
        yield weight
