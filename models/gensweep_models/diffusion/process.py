"""Gaussian diffusion with linearly growing noise. Ho et al., arXiv:2006.11239, section 2.

x0 is data, xt data after t of T steps; B batch. Times are integers [B] in 0 .. T.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BETA_SUM = (0.1, 20.0)
"""T times the first and the last beta; 1e-4 and 0.02 at the paper's T = 1000."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The forward process of `steps` steps, its marginals and its posteriors."""

    steps: int

    def betas(self, device: torch.device | None = None) -> Tensor:
        """Variance added by each step: float64 [T]."""
        first, last = (value / self.steps for value in BETA_SUM)
        grid = torch.linspace(first, last, self.steps, dtype=torch.float64, device=device)
        return grid.clamp(max=0.999)

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
        kept = _beside(self.alpha_bar(t), x0)
        return (kept.sqrt() * x0 + (1 - kept).sqrt() * noise).to(x0.dtype)

    def predicted(self, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x0, given xt and the noise in it; the inverse of `marginal`."""
        kept = _beside(self.alpha_bar(t), xt)
        return ((xt - (1 - kept).sqrt() * noise) / kept.sqrt()).to(xt.dtype)

    def posterior(
        self, x0: Tensor, xt: Tensor, t: Tensor, earlier: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(xs | xt, x0); eq. 6 and 7. s is `earlier`, or else t - 1."""
        early = t - 1 if earlier is None else earlier
        kept, kept_early = _beside(self.alpha_bar(t), xt), _beside(self.alpha_bar(early), xt)
        ratio = kept / kept_early
        mean = kept_early.sqrt() * (1 - ratio) * x0 + ratio.sqrt() * (1 - kept_early) * xt
        variance = (1 - kept_early) * (1 - ratio) / (1 - kept)
        return (mean / (1 - kept)).to(xt.dtype), variance.to(xt.dtype)

    def ddim(self, x0: Tensor, xt: Tensor, t: Tensor, earlier: Tensor) -> Tensor:
        """xs of the deterministic process (eta 0) with the same marginals; arXiv:2010.02502."""
        kept, kept_early = _beside(self.alpha_bar(t), xt), _beside(self.alpha_bar(earlier), xt)
        noise = (xt - kept.sqrt() * x0) / (1 - kept).sqrt()
        return (kept_early.sqrt() * x0 + (1 - kept_early).sqrt() * noise).to(xt.dtype)

    def times(self, count: int) -> list[int]:
        """`count` + 1 times from T down to 0, evenly spread.

        >>> Schedule(100).times(4)
        [100, 75, 50, 25, 0]
        """
        return [round(self.steps * (count - i) / count) for i in range(count + 1)]


def _beside(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.ndim - 1))
