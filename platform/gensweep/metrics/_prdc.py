"""Precision, recall (arXiv 1904.06991), density and coverage (arXiv 2002.09797), and clipped ones.

Clipped density and coverage (arXiv 2507.01761) fall in proportion to the share of bad samples.
"""

# L lanes, M real samples, N fake samples, D features
from __future__ import annotations

import copy
import math
from functools import cache

import torch
from torch import Tensor

from gensweep.metric import ERROR, NEIGHBOURS
from gensweep.metrics._near_errors import NearErrors
from gensweep.metrics._squared_distances import SquaredDistances
from gensweep.metrics._standard_error import standard_error

__all__ = ["NearReal", "prdc"]


def prdc(
    real: Tensor, fake: Tensor, k: int = NEIGHBOURS, chunk: int | None = None
) -> dict[str, Tensor]:
    """Measure fake [L, N, D] against real [M, D] as `NearReal` does: each [L]."""
    return NearReal(real, k, chunk).measure(fake)


class NearReal:
    """Measures samples by which of them are near which of the same real ones [M, D].

    A sample is near a real one if it is in its ball, which reaches to its k-th nearest other one.
    """

    def __init__(self, real: Tensor, k: int = NEIGHBOURS, chunk: int | None = None) -> None:
        self._real, self._k, self._chunk = real, k, chunk
        # Squares of the balls' radii, as all distances here are squares.
        self._reaches = SquaredDistances(real, chunk).nearest(k)[0][:, -1]
        self._clipped = self._reaches.clamp(max=self._reaches.median())
        self._best = self._density_of_real()

    def to(self, device: torch.device | str) -> NearReal:
        """Return the same for features on `device`, with the radii computed here."""
        moved = copy.copy(self)
        for name in ("_real", "_reaches", "_clipped", "_best"):
            setattr(moved, name, getattr(self, name).to(device))
        return moved

    def measure(
        self, fake: Tensor, *, recall: bool = True, clipped: bool = True, errors: bool = False
    ) -> dict[str, Tensor]:
        """Measure fake [L, N, D]: precision, density and coverage, [L] each.

        Lanes are taken one by one and rows by `chunk`, so memory stays at chunk * max(M, N). Also
        `recall`, which takes half of the time, the `clipped` density and coverage, and standard
        `errors` of each.
        """
        lanes = [self._measure_lane(lane, recall, clipped, errors) for lane in fake]
        return {name: torch.stack([lane[name] for lane in lanes]) for name in lanes[0]}

    def _measure_lane(
        self, fake: Tensor, recall: bool, clipped: bool, errors: bool
    ) -> dict[str, Tensor]:
        """Count balls by products with ones, for torch sums booleans slowly."""
        spare = recall and errors and len(fake) > self._k + 1
        squares = SquaredDistances(fake, self._chunk)
        near_fake = squares.nearest(self._k + spare) if recall else None
        jackknife = NearErrors(fake, self._k, near_fake if spare else None) if errors else None
        near, within_clipped = fake.new_zeros(len(fake)), fake.new_zeros(len(fake))
        recalled, have, memory = [], [], squares.like()
        for rows, distances in squares.of(self._real):
            room = memory[: len(distances)]
            if near_fake is not None:
                reaches = near_fake[0][:, self._k - 1]
                recalled.append(torch.lt(distances, reaches, out=room).amax(1))
            within = torch.lt(distances, self._reaches[rows, None], out=room)
            near += _down(within)
            have.append(within.sum(1))
            if jackknife is not None:
                jackknife.add(distances, within, have[-1])
            if clipped:
                within_clipped += _down(distances.le_(self._clipped[rows, None]))
        found = {"recall": torch.cat(recalled).double().mean()} if recalled else {}
        found |= self._rates(near, torch.cat(have))
        found |= self._clipped_rates(within_clipped, torch.cat(have)) if clipped else {}
        if jackknife is not None:
            told = self._errors(jackknife, near, within_clipped, torch.cat(have))
            found |= {name + ERROR: told[name] for name in list(found) if name in told}
        return found

    def _errors(
        self, jackknife: NearErrors, near: Tensor, near_clipped: Tensor, have: Tensor
    ) -> dict[str, Tensor]:
        """Return the standard error of each metric over the samples."""
        k = self._k
        # Where balls are fuller than is expected of all samples, from where all would fill them.
        most = clipped_coverages(len(self._real), len(near), k)[-1].to(have.device)
        covered = torch.minimum((have.double().clamp(max=k) / k).mean(), most)
        high, low = (self._share_that_fills(at, len(near))
                     for at in (covered, covered - jackknife.filling()))  # fmt: skip
        return {
            "precision": standard_error((near > 0).double()),
            **({"recall": jackknife.recall()} if jackknife.has_recall else {}),
            "density": standard_error(near / k),
            "coverage": jackknife.coverage(),
            "clipped_density": standard_error((near_clipped / k).clamp(max=1)) / self._best,
            "clipped_coverage": high - low,
        }

    def _rates(self, near: Tensor, have: Tensor) -> dict[str, Tensor]:
        """Tell what follows of how many balls each sample is in, and how many each ball has."""
        return {
            "precision": (near > 0).double().mean(),
            "density": near.double().mean() / self._k,
            "coverage": (have > 0).double().mean(),
        }

    def _clipped_rates(self, near: Tensor, have: Tensor) -> dict[str, Tensor]:
        k = self._k
        density = (near.double() / k).clamp(max=1).mean() / self._best
        covered = (have.double().clamp(max=k) / k).mean()
        return {
            "clipped_density": density.clamp(max=1),
            "clipped_coverage": self._share_that_fills(covered, len(near)),
        }

    def _share_that_fills(self, covered: Tensor, count: int) -> Tensor:
        """Return the share of `count` samples of the data's law that would fill balls as far."""
        reached = clipped_coverages(len(self._real), count, self._k).to(covered.device)
        return torch.searchsorted(reached, covered.reshape(1))[0].double() / len(reached)

    def _density_of_real(self) -> Tensor:
        """Return the density, before it is divided by this, that real examples have themselves."""
        inside = self._real.new_zeros(len(self._real))
        squares = SquaredDistances(self._real, self._chunk)
        for rows, distances in squares.of_each_other(itself=math.inf):
            inside += _down(distances.le_(self._clipped[rows, None]))
        return (inside.double() / self._k).clamp(max=1).mean()


def _down(mask: Tensor) -> Tensor:
    """Sum a mask of numbers [R, N] over its rows."""
    return mask.new_ones(len(mask)) @ mask


@cache
def clipped_coverages(real: int, count: int, k: int) -> Tensor:
    """Return what the mean of min(samples in a ball, k) / k is expected to be, [count + 1].

    Of 0, 1, ... `count` samples of the law of the `real` ones; equation 8 of arXiv:2507.01761. The
    number in a ball is beta-binomial, and below k it is summed term by term.
    """
    good, j = torch.arange(count + 1).double()[:, None], torch.arange(k).double()
    chosen = _log_gamma(good + 1) - _log_gamma(j + 1) - _log_gamma((good - j).clamp(min=0) + 1)
    hit = _log_beta(k + j, (real - k + good - j).clamp(min=1)) - _log_beta(
        torch.tensor(float(k)), torch.tensor(float(real - k))
    )
    shares = torch.where(j <= good, (chosen + hit).exp(), 0.0)
    reached = 1 - (shares * (k - j)).sum(1) / k
    return torch.where(good[:, 0] < k, 0.0, reached.clamp(min=0))


def _log_gamma(x: Tensor) -> Tensor:
    return torch.lgamma(x.double())


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
