"""DDIM backwards: the noise that an example is a sample of. Song et al., arXiv:2010.02502.

B batch, S points of a way between two examples.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from gensweep_models.diffusion.denoising import Diffusion
from gensweep_models.game import Nets, Tensors


class Inverted(Diffusion):
    """A diffusion with the codes of DDIM's process, which is an ordinary differential equation."""

    def invert(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """The noise [B, *shape] from which DDIM's steps lead to `x`; section 4.3."""
        return self._walk(nets, x, self.schedule.times(self.sample_steps)[::-1], told or {})

    def interpolate(
        self, nets: Nets, x: Tensor, end: Tensor, at: Tensor, noise: Tensors, hyper: Tensors,
        told: Any = None,
    ) -> Tensor:  # fmt: skip
        """Samples on the arcs between two batches' codes, [S, B, *shape] at fractions [S]."""
        count, times = len(at), self.schedule.times(self.sample_steps)
        first, last = self.invert(
            nets, torch.cat([x, end]), noise, hyper, repeated(told or {}, 2)
        ).chunk(2)
        starts = torch.stack([arc(first, last, one) for one in at.unbind()])
        samples = self._walk(nets, starts.flatten(0, 1), times, repeated(told or {}, count))
        return self.clipped(samples).reshape(starts.shape)

    def _walk(self, nets: Nets, x: Tensor, times: list[int], told: Tensors) -> Tensor:
        """`x` along DDIM's process through `times`; at time 0 the network sees time 1."""
        for here, there in pairwise(times):
            t, s = (torch.full((len(x),), one, device=x.device) for one in (max(here, 1), there))
            x0, _ = self.predict(nets, x, t, told)
            x = self.schedule.ddim(self.clipped(x0), x, t, s)
        return x


def repeated(told: Tensors, count: int) -> dict[str, Tensor]:
    """Repeat what networks are told for so many batches, one after the other."""
    return {name: torch.cat([one] * count) for name, one in told.items()}


def arc(first: Tensor, last: Tensor, at: Tensor) -> Tensor:
    """Points at fraction `at` of the arcs between [B, ...] and others; equation 67."""
    one, other = first.flatten(1), last.flatten(1)
    lengths = (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-12)
    cosine = ((one * other).sum(1) / lengths).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = cosine.acos()[:, None]
    mixed = ((1 - at) * angle).sin() * one + (at * angle).sin() * other
    points: Tensor = mixed / angle.sin()
    return points.reshape(first.shape)
