"""The density of a Parzen estimator at many points, asked again and again.

Optuna's own works out for each question how much of each kernel lies within the bounds, and what it
gives to each whole number: of a thousand kernels, most of the time that a suggestion takes.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr

from gensweep.optuna_version import refuse_other_optuna

with refuse_other_optuna():
    from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
    from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions

LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


class ParzenDensity:
    """Evaluates an estimator as its `log_pdf` does, keeping what is the same for all points."""

    def __init__(self, estimator: _ParzenEstimator) -> None:
        self._estimator = estimator
        mixture = estimator._mixture_distribution
        self._log_weights = np.log(mixture.weights[np.newaxis])
        self._kernels = [_kernels_of(each) for each in mixture.distributions]

    def sample(self, rng: np.random.RandomState, count: int) -> dict[str, np.ndarray]:
        """Draw points, as the estimator does."""
        return self._estimator.sample(rng, count)

    def log_pdf(self, samples: dict[str, np.ndarray]) -> np.ndarray:
        """Return the logarithm of the density at each point."""
        total = self._log_weights
        for kernels, values in zip(self._kernels, samples.values(), strict=True):
            total = total + kernels.log_pdf(values)
        most = total.max(axis=1)
        most[np.isneginf(most)] = 0  # else -inf less -inf, where the density is zero
        with np.errstate(divide="ignore"):
            found: np.ndarray = np.log(np.exp(total - most[:, None]).sum(axis=1)) + most
        return found


class _Choices:
    """Kernels over the choices of a dimension."""

    def __init__(self, weights: np.ndarray) -> None:
        self._logs = np.log(weights.T)

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._logs[values.astype(np.int64)]
        return found


class _Normals:
    """Normal kernels, cut off at the bounds of a real dimension."""

    def __init__(self, kernels: Any) -> None:
        self._mu, self._sigma, self._is_log = kernels.mu, kernels.sigma, kernels.is_log
        self._low, self._high = kernels.adapted_low, kernels.adapted_high
        low, high = ((end - self._mu) / self._sigma for end in (self._low, self._high))
        self._norm = log_mass(low, high) + np.log(self._sigma) + LOG_ROOT_2_PI

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        values = np.log(values) if self._is_log else values
        found: np.ndarray = -(((values[:, None] - self._mu) / self._sigma) ** 2) / 2 - self._norm
        found[(values < self._low) | (values > self._high)] = -np.inf
        return found


class _WholeNumbers:
    """Normal kernels over whole numbers, each of which has the share of half a step around it."""

    def __init__(self, kernels: Any) -> None:
        self._kernels = kernels
        self._norm = self._mass(kernels.adapted_low, kernels.adapted_high)
        self._known: dict[float, np.ndarray] = {}

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        return np.stack([self._of(value) for value in values.tolist()])

    def _of(self, value: float) -> np.ndarray:
        if value not in self._known:
            ends: Sequence[float] = [value + side * self._kernels.step / 2 for side in (-1, 1)]
            low, high = np.log(ends) if self._kernels.is_log else ends
            self._known[value] = self._mass(low, high) - self._norm
        return self._known[value]

    def _mass(self, low: float, high: float) -> np.ndarray:
        mu, sigma = self._kernels.mu, self._kernels.sigma
        return log_mass((low - mu) / sigma, (high - mu) / sigma)


def log_mass(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the logarithm of a standard normal's mass between two ends, exact in both tails.

    >>> log_mass(np.array([-1.0, 20.0]), np.array([1.0, 21.0])).round(4).tolist()
    [-0.3817, -203.9172]
    """
    is_right = low > 0  # where a difference of masses is exact but at the left
    low, high = np.where(is_right, -high, low), np.where(is_right, -low, high)
    upper = log_ndtr(high)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = upper + np.log1p(-np.exp(log_ndtr(low) - upper))
        found: np.ndarray = np.where(high <= 0, tail, np.log1p(-ndtr(low) - ndtr(-high)))
    return found


def _kernels_of(kernels: Any) -> _Choices | _Normals | _WholeNumbers:
    if isinstance(kernels, _BatchedCategoricalDistributions):
        return _Choices(kernels.weights)
    return _WholeNumbers(kernels) if kernels.step else _Normals(kernels)
