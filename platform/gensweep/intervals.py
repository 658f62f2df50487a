"""Confidence intervals of shares and of metrics, as pure functions of plain numbers."""

import math
from collections.abc import Mapping

from gensweep.errors import UserError
from gensweep.known_metrics import ERROR, INDICATORS, LEAST_MOST

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


def metric_intervals(metrics: Mapping[str, float]) -> dict[str, Interval]:
    """Return the 95 % interval of each metric that stands beside its standard error.

    Normal, within what values the metric can have; a share of the samples has Wilson's interval,
    which is none too short where all or none of them are counted.

    >>> metric_intervals({"frechet": 1.0, "frechet_standard_error": 0.1, "classes": 9.0})
    {'frechet': (0.804, 1.196)}
    """
    errors = {name: metrics.get(name + ERROR, math.nan) for name in metrics}
    return {
        name: _interval(name, value, errors[name], metrics.get("samples", 0.0))
        for name, value in metrics.items()
        if math.isfinite(errors[name])
    }


def _interval(name: str, value: float, error: float, samples: float) -> Interval:
    if name in INDICATORS and samples:
        low, high = wilson(value * samples, samples)
    else:
        least, most = LEAST_MOST.get(name, (-math.inf, math.inf))
        low, high = max(least, value - Z * error), min(most, value + Z * error)
    return float(f"{low:.4g}"), float(f"{high:.4g}")
