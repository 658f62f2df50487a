"""A diffusion's bound on the likelihood, and the objective that learns its variance by it.

B batch, T diffusion steps.
"""

import math
from math import prod
from typing import Any

import torch
from torch import Tensor

from gensweep_models.diffusion.bound import (
    AT_ONCE,
    TIMES,
    bound_times,
    grey_nll,
    normal_kl,
    normal_nll,
)
from gensweep_models.diffusion.denoising import Diffusion
from gensweep_models.diffusion.process import LEAST_VARIANCE
from gensweep_models.game import DataShape, Nets, Noise, Tensors
from gensweep_models.grey_levels import at_levels, levels_of
from gensweep_models.random import fold, normal


class Bounded(Diffusion):
    """A diffusion with `log_prob`: of images the probability of their grey levels."""

    log_prob_kind = "elbo"

    def __init__(self, config: Any, data: DataShape) -> None:
        self.levels = levels_of(data)
        super().__init__(config, data)
        self.log_prob_scale = 1.0 if self.image else None

    @property
    def log_prob_of(self) -> str:
        """Describe, in words, what `log_prob` bounds, and how its sum over times is estimated."""
        of = at_levels(self.levels) if self.image else "points, a density"
        return f"{of}; the sum over {self.config.steps} times is estimated at {TIMES} of them"

    def log_prob_noise(self, batch: int, samples: int = 1) -> dict[str, Noise]:
        """Times of `log_prob`, and a key for the noise at each."""
        return {"t": Noise((batch, TIMES), "uniform"), "steps": Noise((batch,), "key")}

    def log_prob(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """The variational bound [B], in nats; arXiv:2006.11239, equation 5.

        The first term and the prior's are exact, but for the draw of x1; the others are estimated.
        """
        times, weights = bound_times(noise["t"], self.config.steps)
        first = torch.ones_like(times[:, :1])
        times, weights = torch.cat([first, times], 1), torch.cat([first.to(x.dtype), weights], 1)
        total = self._prior_gap(x)
        for k in range(0, TIMES + 1, AT_ONCE):
            some = times[:, k : k + AT_ONCE]
            keys = torch.stack([fold(noise["steps"], k + i) for i in range(some.shape[1])], 1)
            terms = self._terms(nets, x, some, normal(keys, self.shape), told or {})
            total = total + (weights[:, k : k + AT_ONCE] * terms).sum(1)
        return -total

    def _terms(self, nets: Nets, x: Tensor, times: Tensor, drawn: Tensor, told: Tensors) -> Tensor:
        """Terms [B, K] at `times` of each example, with normal noise [B, K, *shape]."""
        count = times.shape[1]
        x, told = (
            x.repeat_interleave(count, 0),
            {n: v.repeat_interleave(count, 0) for n, v in told.items()},
        )
        t = times.flatten()
        noisy = self.schedule.marginal(x, t, drawn.flatten(0, 1))
        x0, between = self.predict(nets, noisy, t, told)
        return self.gap(x, noisy, t, self.clipped(x0), between).reshape(times.shape)

    def _prior_gap(self, x: Tensor) -> Tensor:
        """KL(q(xT | x) || N(0, 1)), [B]."""
        last = torch.full((len(x),), self.config.steps, device=x.device)
        kept = self.schedule.alpha_bar(last[:1]).to(x.dtype)
        zero = torch.zeros_like(x)
        return normal_kl(kept.sqrt() * x, (1 - kept).log() + zero, zero, zero)

    def gap(
        self, x: Tensor, noisy: Tensor, t: Tensor, x0: Tensor, between: Tensor | None
    ) -> Tensor:
        """The bound's term at times `t` [B]: a divergence, or at 1 the decoder's, in nats [B]."""
        mean, _ = self.schedule.posterior(x0, noisy, t)
        spread = self.log_variance(noisy, t, t - 1, between).expand_as(x)
        true_mean, true_variance = self.schedule.posterior(x, noisy, t)
        true_spread = true_variance.clamp(min=LEAST_VARIANCE).log().expand_as(x)
        divergence = normal_kl(true_mean, true_spread, mean, spread)
        levels = self.levels - 1
        decoded = grey_nll(x, mean, spread, levels) if self.image else normal_nll(x, mean, spread)
        return torch.where(t == 1, decoded, divergence)

    def bits_per_dim(self, nats: Tensor) -> Tensor:
        """Nats of an example as bits of each of its numbers."""
        return nats / (prod(self.shape) * math.log(2))
