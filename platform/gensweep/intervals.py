"""Confidence intervals of shares and of metrics, as pure functions of plain numbers."""

import math
from collections.abc import Mapping, Sequence

from gensweep.errors import UserError
from gensweep.known_metrics import COUNTS, INDICATORS, LEAST_MOST
from gensweep.metric import ERROR

Z = 1.959964
"""The normal quantile of two-sided 95 %."""

Interval = tuple[float, float]


def wilson(successes: float, trials: float, z: float = Z) -> Interval:
    """Wilson's score interval for a share (Wilson 1927); (0, 1) for no trials.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    if not 0 <= successes <= trials:
        raise UserError(f"0 <= successes <= trials must hold, but got {successes=}, {trials=}")
    if trials == 0:
        return 0.0, 1.0
    share, weight = successes / trials, z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def metric_intervals(
    metrics: Mapping[str, float], all_of: Mapping[str, float] | None = None
) -> dict[str, Interval]:
    """Return the 95 % interval of each metric that stands beside its standard error.

    Normal, within what values the metric can have; a share of the samples has Wilson's interval,
    which is none too short where all or none of them are counted. That of a count goes out to
    whole numbers; `all_of` says how many there are to be found.

    >>> metric_intervals({"frechet": 1.0, "frechet_standard_error": 0.1, "classes": 9.0})
    {'frechet': (0.804004, 1.196)}
    >>> metric_intervals({"modes": 7.0, "modes_standard_error": 0.6}, {"modes": 8})
    {'modes': (5.0, 8.0)}
    """
    errors = {name: metrics.get(name + ERROR, math.nan) for name in metrics}
    samples = metrics.get("samples", 0.0)
    return {
        name: _count_interval(value, errors[name], (all_of or {}).get(name, math.inf))
        if name in COUNTS
        else _interval(name, value, errors[name], samples)
        for name, value in metrics.items()
        if math.isfinite(errors[name])
    }


def _interval(name: str, value: float, error: float, samples: float) -> Interval:
    if name in INDICATORS and samples:
        low, high = wilson(value * samples, samples)
    else:
        least, most = LEAST_MOST.get(name, (-math.inf, math.inf))
        low, high = max(least, value - Z * error), min(most, value + Z * error)
    return float(f"{low:.6g}"), float(f"{high:.6g}")


def _count_interval(value: float, error: float, most: float) -> Interval:
    low, high = value - Z * error, value + Z * error
    return float(max(0, math.floor(low))), float(min(most, math.ceil(high)))


def interval_ends(intervals: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Name the ends of intervals, for tables and trackers that take single numbers.

    No slash is in a name: MLflow shows what is before it as a section in front of all others, so
    that the bars of intervals would stand before the learning curves.

    >>> interval_ends({"frechet": (0.8, 1.2)})
    {'frechet.interval_low': 0.8, 'frechet.interval_high': 1.2}
    """
    return {
        f"{name}.interval_{end}": value
        for name, ends in intervals.items()
        for end, value in zip(("low", "high"), ends, strict=True)
    }
