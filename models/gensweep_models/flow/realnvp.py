"""RealNVP: density estimation by affine couplings (Dinh et al., arXiv:1605.08803).

B batch, D dimensions of a flattened example. One scale and no batch normalisation; conditioners
are MLPs.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
import math
from dataclasses import dataclass
from math import prod
from typing import ClassVar, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gensweep_models.adversarial.truncation import truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane
from gensweep_models.game import DataShape, Loss, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.nets.coupling import Couplings, masks
from gensweep_models.space import Categorical, Dimension, Real

ALPHA = 0.05
"""Pixels pass through logit(ALPHA + (1 - 2 ALPHA) v), v in [0, 1); section 4.1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RealnvpConfig(BaseConfig):
    """Settings of a RealNVP."""

    weight_decay: float = lane(0.0, at_least=0)
    truncation: float = truncation_field(5.0)
    couplings: int = fixed(8, at_least=2)
    hidden: int = fixed(128, "units of a conditioner", at_least=1)
    layers: int = fixed(2, "hidden layers of a conditioner", at_least=1)
    levels: int = fixed(0, "number of grey levels; 0: as the data says, or else 256", at_least=0)
    optimizer: OptimizerName = fixed("adamw", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    def check_relations(self) -> None:
        """Raise ValueError for a number of grey levels that leaves no two apart."""
        check(self.levels == 0 or self.levels >= 2, "levels is 0 or >= 2", levels=self.levels)


REALNVP_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "weight_decay": Real(1e-6, 1e-1, log=True),
    "couplings": Categorical((4, 8)),
    "truncation": Real(0.3, 5.0),
}


class Realnvp:
    """A flow. Images are dequantised by uniform noise, points are taken as they are.

    Densities are over data as it comes, images in [-1, 1].
    """

    log_prob_kind: ClassVar[str] = "exact"

    def __init__(self, config: RealnvpConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, data.shape, len(data.shape) == 3
        self.size = prod(data.shape)
        check(self.size >= 2, "an example has 2 dimensions or more", shape=data.shape)
        # a data set may say its largest pixel value; a wrong number of levels would let the
        # density sit on the gaps between them
        self.levels = config.levels or int(getattr(data, "levels", 255)) + 1
        self.log_prob_scale = (self.levels - 1) / 2 if self.image else None
        c, schedule = config, "linear" if config.decay else "constant"
        self.players = {
            "flow": Player(
                self._flow, c.optimizer, weight_decay="weight_decay", schedule=schedule, ema=c.ema
            )
        }
        self.noise = {"flow": self.log_prob_noise(c.batch_size)}

    @property
    def log_prob_of(self) -> str:
        """Describe, in words, the data that `log_prob` is the density of."""
        return f"pixels dequantised at {self.levels} levels" if self.image else "points"

    def _flow(self) -> nn.Module:
        c = self.config
        return Couplings(masks(self.shape, c.couplings), c.hidden, c.layers)

    def _dequantised(self, x: Tensor, noise: Tensors) -> tuple[Tensor, Tensor]:
        """`x` [B, *shape] in R^D, and the log-determinant of that map [B]."""
        if not self.image:
            return x, x.new_zeros(x.shape[0])
        levels = self.levels
        v = ((x + 1) / 2 * (levels - 1) + noise["u"]).flatten(1) / levels
        y = torch.logit(ALPHA + (1 - 2 * ALPHA) * v)
        rate = math.log((1 - 2 * ALPHA) * (levels - 1) / (2 * levels))
        return y, (rate - logsigmoid(y) - logsigmoid(-y)).sum(-1)

    def _quantised(self, y: Tensor) -> Tensor:
        """`y` [B, D] as examples: the grey level that each pixel falls into."""
        if not self.image:
            return y
        levels = self.levels
        v = (y.sigmoid() - ALPHA) / (1 - 2 * ALPHA)
        level = (v * levels).floor().clamp(0, levels - 1)
        return (2 * level / (levels - 1) - 1).reshape(-1, *self.shape)

    def log_prob_noise(self, batch: int, samples: int = 1) -> dict[str, Noise]:
        """Noise of `log_prob`: dequantisation for images, none for points."""
        return {"u": Noise((batch, *self.shape), "uniform")} if self.image else {}

    def log_prob(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """log p of the (dequantised) data [B], in nats; eq. 3."""
        y, before = self._dequantised(x, noise)
        z, within = nets["flow"](y)
        normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
        out: Tensor = normal + within + before
        return out

    def invert_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `invert`, as of `log_prob`."""
        return self.log_prob_noise(batch)

    def invert(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The latent z [B, D] of the (dequantised) data."""
        z: Tensor = nets["flow"](self._dequantised(x, noise)[0])[0]
        return z

    score_names = ("inversion_error",)

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of `log_prob`."""
        return self.log_prob_noise(batch)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Distance of an example from the inverse of its latent, before grey levels: [B].

        A flow is invertible by construction, but float32 is not: large log-scales lose digits.
        """
        y = self._dequantised(batch["x"], noise)[0]
        back = nets["flow"](self.invert(nets, batch["x"], noise, hyper), inverse=True)[0]
        return {"inversion_error": (back - y).abs().amax(1)}

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean negative log-likelihood in nats per dimension, and in nats."""
        nll = -self.log_prob(nets, batch["x"], noise, hyper).mean()
        return nll / self.size, {"nll": nll.detach()}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes truncated normal z."""
        return {"z": Noise((count, self.size), "uniform")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape], z truncated to ±hyper["truncation"]."""
        z = truncated_normal(noise["z"], hyper["truncation"])
        return self._quantised(nets["flow"](z, inverse=True)[0])
