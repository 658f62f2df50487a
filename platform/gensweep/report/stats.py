"""The statistics behind the report: pure functions of plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gensweep.errors import UserError

__all__ = ["best_of_k", "best_of_k_interval", "log_bins", "wilson"]


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
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


def best_of_k(values: Sequence[float], k: int) -> float:
    """Expected smallest of k values drawn without replacement, by exact order statistics.

    >>> best_of_k([1.0, 2.0, 3.0], 2)
    1.3333333333333333
    """
    weights = _weights(len(values), k)
    return sum(w * v for w, v in zip(weights, sorted(values), strict=True) if w > 0)


def best_of_k_interval(values: Sequence[float], k: int, share: float = 0.9) -> tuple[float, float]:
    """Central interval that holds `share` of the smallest-of-k outcomes, as `best_of_k` draws."""
    ordered, total, low = sorted(values), 0.0, None
    for weight, value in zip(_weights(len(ordered), k), ordered, strict=True):
        total += weight
        if low is None and total >= (1 - share) / 2 - 1e-12:
            low = value
        if total >= (1 + share) / 2 - 1e-12:
            return (value if low is None else low), value
    return (ordered[0] if low is None else low), ordered[-1]


def log_bins(values: Sequence[float], count: int = 8) -> list[float]:
    """count + 1 edges, equal in the logarithm, around positive values.

    >>> [round(edge, 9) for edge in log_bins([0.01, 1.0], 2)]
    [0.01, 0.1, 1.0]
    """
    if not values or min(values) <= 0:
        raise UserError("logarithmic bins need values above 0: choose another dimension for `over`")
    low, high = math.log(min(values)), math.log(max(values))
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return [math.exp(low + (high - low) * i / count) for i in range(count + 1)]


def _weights(count: int, k: int) -> list[float]:
    if not 1 <= k <= count:
        raise UserError(f"1 <= k <= {count} values must hold, but got {k=}")
    return [math.comb(count - i - 1, k - 1) / math.comb(count, k) for i in range(count)]
