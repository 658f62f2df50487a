"""The variational bound of a diffusion, arXiv:2006.11239, equations 5 and 13.

B batch, D numbers of an example, K times of a sum over T. All in nats.
"""

import math

import torch
from torch import Tensor

TIMES, AT_ONCE = 20, 7
"""K: the times at which the bound's sum over T is estimated, and how many in one call of the
network, with time 1 among them."""
SKEW = 3
"""Times are drawn as the cubes of uniform numbers: the first terms are the largest by far."""


def normal_kl(mean: Tensor, log_variance: Tensor, other: Tensor, log_other: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(other, variance of other)) of each number, summed to [B]."""
    ratio = (log_variance - log_other).exp()
    distance = (mean - other).square() * (-log_other).exp()
    each: Tensor = (ratio + distance - 1 + log_other - log_variance) / 2
    return each.flatten(1).sum(1)


def normal_nll(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """-log N(x; mean, variance), a density, [B]."""
    squares = (x - mean).square() * (-log_variance).exp()
    return ((squares + log_variance + math.log(2 * math.pi)) / 2).flatten(1).sum(1)


def grey_nll(x: Tensor, mean: Tensor, log_variance: Tensor, levels: int) -> Tensor:
    """-log P(x) of pixels in [-1, 1] with grey levels from 0 to `levels`, [B]; equation 13.

    A level's probability is that of its interval, 2 / levels wide; the outer ones have no end.
    """
    deviation = (x - mean).double() * (log_variance.double() / -2).exp()
    half = (log_variance.double() / -2).exp() / levels
    low = torch.where(x < -1 + 1 / levels, -math.inf, deviation - half)
    high = torch.where(x > 1 - 1 / levels, math.inf, deviation + half)
    # of both tails the lower one, where the logarithm of the distribution is exact
    lower = deviation < 0
    first, last = torch.where(lower, low, -high), torch.where(lower, high, -low)
    log_last = log_normal_cdf(last)
    inside = log_last + torch.log1p(-(log_normal_cdf(first) - log_last).exp())
    return -inside.flatten(1).sum(1).to(x.dtype)


def log_normal_cdf(x: Tensor) -> Tensor:
    """log of the standard normal distribution function, exact in the lower tail.

    `torch.special.log_ndtr` has no rule for vmap.
    """
    below, above = x.clamp(max=0), x.clamp(min=0)
    tail = (torch.special.erfcx(-below / math.sqrt(2)) / 2).log() - below.square() / 2
    return torch.where(x < 0, tail, torch.log1p(-torch.erfc(above / math.sqrt(2)) / 2))


def bound_times(uniform: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """K times [B, K] in 2 .. T of uniform numbers [B, K], and their weights.

    The weighted sum of terms at these times has the sum over all times as its mean. A time is drawn
    in each K-th of the probability.
    """
    count, most = uniform.shape[1], steps - 1
    strata = torch.arange(count, device=uniform.device)
    quantiles = (strata + uniform.double()) / count
    before = (quantiles**SKEW * most).floor().clamp(max=most - 1)
    probability = ((before + 1) / most) ** (1 / SKEW) - (before / most) ** (1 / SKEW)
    return before.long() + 2, (1 / (count * probability)).to(uniform.dtype)
