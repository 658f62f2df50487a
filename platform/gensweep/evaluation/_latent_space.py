"""The latent noise of a trained trial's samples as normal numbers, and samples at others.

N samples; noise is [N, ...] by name, or as it is declared where it is of no sample.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._pictured_lane import PicturedLane, own_game
from gensweep.known_pictures import latents

LOWEST, HIGHEST = 2.0**-25, 1 - 2.0**-24
"""Of uniform numbers: 0 would be an infinite normal one, and 1 is none that torch draws."""

Named = dict[str, Tensor]


class LatentSpace:
    """The latents of one trial as standard normal numbers, in float64.

    Uniform ones are normal by the inverse of the normal distribution's CDF.
    """

    def __init__(self, lane: PicturedLane):
        self._lane = lane
        declared = own_game(lane.pack).sample_noise(1)
        self._shared = {n for n, one in declared.items() if getattr(one, "per", "") == "lane"}
        self.latents = latents(own_game(lane.pack))
        """The noise that they are, by name, in the trial's own size."""

    def draw(self, count: int, hyper: Mapping[str, Any] | None = None) -> Named:
        """Draw the noise of `count` samples, whose shapes `hyper` may change."""
        drawn = self._lane.pack.sample_noise(count, seed=self._lane.seed, hyper=hyper)
        noise = {name: one[0] for name, one in drawn.items()}
        return noise | {n: _as_normal(noise[n], one.kind) for n, one in self.latents.items()}

    def pick(self, noise: Named, rows: Tensor) -> Named:
        """Take the noise of the samples `rows` [N], which may be the same again and again."""
        return {n: one if n in self._shared else one[rows] for n, one in noise.items()}

    def sample(
        self, noise: Named, rows: Tensor, given: Mapping[str, Tensor] | None = None,
        hyper: Mapping[str, Any] | None = None,
    ) -> Tensor:  # fmt: skip
        """Draw samples [N, *shape] of all noise; those of a row [N] share their condition.

        `given` replaces parts of it, `hyper` sampling hyperparameters.
        """
        told = {**(self._lane.given(rows) or {}), **(given or {})} or None
        stated = self._stated(noise)
        return self._lane.pack.sample(len(rows), noise=stated, given=told, hyper=hyper)[0]

    def call(self, name: str, noise: Named, rows: Tensor, *inputs: Tensor) -> Tensor:
        """Call a capability with `inputs` and the noise, and condition, of samples [N]."""
        given = self._lane.given(rows)
        found: Tensor = self._lane.pack.call_with(name, self._stated(noise), *inputs, given=given)
        return found[0]

    def _stated(self, noise: Named) -> Named:
        drawn = noise | {n: _from_normal(noise[n], one.kind) for n, one in self.latents.items()}
        return {name: one[None] for name, one in drawn.items()}


def _as_normal(z: Tensor, kind: str) -> Tensor:
    z = z.double()
    return torch.special.ndtri(z.clamp(min=LOWEST)) if kind == "uniform" else z


def _from_normal(z: Tensor, kind: str) -> Tensor:
    if kind == "uniform":
        z = torch.special.ndtr(z).clamp(max=HIGHEST)
    return z.float()
