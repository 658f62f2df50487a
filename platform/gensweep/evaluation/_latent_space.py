"""The latent noise of a trained trial's samples as normal numbers, and samples at others.

N samples; noise is [N, ...] by name, or as it is declared where it is of no sample.
"""

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

    def draw(self, count: int) -> Named:
        """Draw the noise of `count` samples."""
        drawn = self._lane.pack.sample_noise(count, seed=self._lane.seed)
        noise = {name: one[0] for name, one in drawn.items()}
        return noise | {n: _as_normal(noise[n], one.kind) for n, one in self.latents.items()}

    def pick(self, noise: Named, rows: Tensor) -> Named:
        """Take the noise of the samples `rows` [N], which may be the same again and again."""
        return {n: one if n in self._shared else one[rows] for n, one in noise.items()}

    def sample(self, noise: Named, rows: Tensor) -> Tensor:
        """Draw samples [N, *shape] of all noise; those of a row [N] share their condition."""
        drawn = noise | {n: _from_normal(noise[n], one.kind) for n, one in self.latents.items()}
        stated = {name: one[None] for name, one in drawn.items()}
        return self._lane.pack.sample(len(rows), noise=stated, given=self._lane.given(rows))[0]


def _as_normal(z: Tensor, kind: str) -> Tensor:
    z = z.double()
    return torch.special.ndtri(z.clamp(min=LOWEST)) if kind == "uniform" else z


def _from_normal(z: Tensor, kind: str) -> Tensor:
    if kind == "uniform":
        z = torch.special.ndtr(z).clamp(max=HIGHEST)
    return z.float()
