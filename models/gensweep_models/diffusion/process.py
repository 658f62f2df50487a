"""Gaussian diffusion: the forward process and its posteriors. Ho et al., arXiv:2006.11239.

x0 is data, xt data after t of T steps; B batch. Times are integers [B] in 0 .. T. What a network
may predict is the noise, x0, or v, the velocity of arXiv:2202.00512, appendix D.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

NoiseSchedule = Literal["linear", "cosine", "scaled_linear"]
Target = Literal["epsilon", "x0", "v"]
BETA_SUM = (0.1, 20.0)
"""T times the first and the last beta; 1e-4 and 0.02 at the paper's T = 1000."""
SCALED_BETA_SUM = (1.5, 19.5)
"""The same of betas whose roots grow evenly, of arXiv:2112.10752's code."""
OFFSET = 0.008
"""Of the cosine schedule, so that the first betas are not too small for grey levels."""
MOST_BETA = 0.999
LEAST_VARIANCE = 1e-20


@dataclass(frozen=True, slots=True)
class Schedule:
    """The forward process of `steps` steps, its marginals and its posteriors.

    Linear: betas grow evenly; scaled linear: their roots do. Cosine: alpha bar is a squared
    cosine, arXiv:2102.09672, eq. 17.
    """

    steps: int
    kind: NoiseSchedule = "linear"

    def betas(self, device: torch.device | None = None) -> Tensor:
        """Variance added by each step: float64 [T]."""
        if self.kind != "cosine":
            power, sums = (1, BETA_SUM) if self.kind == "linear" else (2, SCALED_BETA_SUM)
            first, last = ((value / self.steps) ** (1 / power) for value in sums)
            grid = torch.linspace(first, last, self.steps, dtype=torch.float64, device=device)
            return grid.pow(power).clamp(max=MOST_BETA)
        times = torch.arange(self.steps + 1, dtype=torch.float64, device=device) / self.steps
        kept = ((times + OFFSET) / (1 + OFFSET) * (math.pi / 2)).cos().square()
        return (1 - kept[1:] / kept[:-1]).clamp(max=MOST_BETA)

    def alpha_bar(self, t: Tensor) -> Tensor:
        """Share of the data's variance that is left at times `t`: float64, 1 at t = 0.

        Computed where `t` lives, so that nothing is copied from the host in a step.

        >>> Schedule(100).alpha_bar(torch.tensor([0, 100])).tolist()[1] < 1e-4
        True
        """
        kept = torch.cumprod(1 - self.betas(t.device), 0)
        return torch.cat([kept.new_ones(1), kept])[t]

    def marginal(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """A draw of q(xt | x0) made from standard normal `noise`; eq. 4."""
        kept = beside(self.alpha_bar(t), x0)
        return (kept.sqrt() * x0 + (1 - kept).sqrt() * noise).to(x0.dtype)

    def predicted(self, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x0, given xt and the noise in it; the inverse of `marginal`."""
        kept = beside(self.alpha_bar(t), xt)
        return ((xt - (1 - kept).sqrt() * noise) / kept.sqrt()).to(xt.dtype)

    def noise_in(self, x0: Tensor, xt: Tensor, t: Tensor) -> Tensor:
        """The noise in xt, given x0, at times from 1 on: float64."""
        kept = beside(self.alpha_bar(t), xt)
        return (xt - kept.sqrt() * x0) / (1 - kept).sqrt()

    def target(self, kind: Target, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """The right prediction of a network that sees xt."""
        if kind != "v":
            return noise if kind == "epsilon" else x0
        kept = beside(self.alpha_bar(t), x0)
        return (kept.sqrt() * noise - (1 - kept).sqrt() * x0).to(x0.dtype)

    def denoised(self, kind: Target, xt: Tensor, t: Tensor, out: Tensor) -> Tensor:
        """x0, given what a network predicted of xt."""
        if kind != "v":
            return self.predicted(xt, t, out) if kind == "epsilon" else out
        kept = beside(self.alpha_bar(t), xt)
        return (kept.sqrt() * xt - (1 - kept).sqrt() * out).to(xt.dtype)

    def posterior(
        self, x0: Tensor, xt: Tensor, t: Tensor, earlier: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(xs | xt, x0); eq. 6 and 7. s is `earlier`, or else t - 1."""
        early = t - 1 if earlier is None else earlier
        kept, kept_early = beside(self.alpha_bar(t), xt), beside(self.alpha_bar(early), xt)
        ratio = kept / kept_early
        mean = kept_early.sqrt() * (1 - ratio) * x0 + ratio.sqrt() * (1 - kept_early) * xt
        variance = (1 - kept_early) * (1 - ratio) / (1 - kept)
        return (mean / (1 - kept)).to(xt.dtype), variance.to(xt.dtype)

    def variances(self, t: Tensor, earlier: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds of the variance of xs given xt: that of the posterior, and 1 - alpha of the step.

        They are right for data that are a point, and for N(0, 1) data; section 3.2. The first step
        has the least variance of the one after it, for its posterior has none; arXiv:2102.09672.
        """
        late = torch.where(earlier == 0, (2 * t).clamp(max=self.steps), t)
        early = torch.where(earlier == 0, t, earlier)
        least = self.posterior(like, like, late, early)[1].clamp(min=LEAST_VARIANCE)
        most = 1 - self.alpha_bar(t) / self.alpha_bar(earlier)
        return least, beside(most, like).to(like.dtype)

    def ddim(self, x0: Tensor, xt: Tensor, t: Tensor, earlier: Tensor) -> Tensor:
        """xs of the deterministic process (eta 0) with the same marginals; arXiv:2010.02502."""
        kept, noise = beside(self.alpha_bar(earlier), xt), self.noise_in(x0, xt, t)
        return (kept.sqrt() * x0 + (1 - kept).sqrt() * noise).to(xt.dtype)

    def times(self, count: int) -> list[int]:
        """`count` + 1 times from T down to 0, evenly spread.

        >>> Schedule(100).times(4)
        [100, 75, 50, 25, 0]
        """
        return [round(self.steps * (count - i) / count) for i in range(count + 1)]


def beside(values: Tensor, x: Tensor) -> Tensor:
    """Values [B] as [B, 1, ...], to go with `x`."""
    return values.reshape(-1, *[1] * (x.ndim - 1))
