"""What normalising flows share: the exact likelihood of a bijection, its inverse and its samples.

B batch, D dimensions of a flattened example. A flow names its bijection; this is all the rest.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.truncation import truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.flow.dequantiser import Dequantiser, VariationalFlow
from gensweep_models.flow.pixels import Pixels
from gensweep_models.flow.priors import Prior, draw_prior, log_prior
from gensweep_models.game import DataShape, Loss, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.grey_levels import (
    check_levels,
    dequantised_at,
    levels_field,
    levels_of,
)

Dequantisation = Literal["uniform", "variational"]
TEMPERATURES = (0.5, 0.7, 0.85, 1.0)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowConfig(BaseConfig):
    """Settings that every flow has."""

    weight_decay: float = lane(0.0, at_least=0)
    truncation: float = truncation_field(5.0)
    temperature: float = sampling(
        1.0, "factor of the latent's standard deviation", neutral=1.0, grid=TEMPERATURES, above=0
    )
    dequantisation: Dequantisation = fixed(
        "uniform", "noise within a grey level; variational: a flow learns it",
        choices=get_args(Dequantisation),
    )  # fmt: skip
    levels: int = levels_field()
    optimizer: OptimizerName = fixed("adamw", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    def check_relations(self) -> None:
        """Raise ValueError for a number of grey levels that leaves no two apart."""
        check_levels(self.levels)


class Flow(ABC):
    """A player, "flow", that maps data to independent latent numbers and back.

    Images are dequantised, points are taken as they are. Densities are over data as it comes,
    images in [-1, 1].
    """

    alpha: ClassVar[float] = 0.05
    """Of `Pixels`: how far from 0 and 1 the logit begins; 0: pixels stay in an interval."""

    def __init__(self, config: Any, data: DataShape) -> None:
        self.config, self.shape, self.image = config, tuple(data.shape), len(data.shape) == 3
        self.size = prod(data.shape)
        check(self.size >= 2, "an example has 2 dimensions or more", shape=data.shape)
        self.variational = self.image and config.dequantisation == "variational"
        # a wrong number of levels would let the density sit on the gaps between them
        self.levels = levels_of(data, config.levels)
        self.pixels = Pixels(self.levels, self.alpha, coarse=self.levels != levels_of(data))
        self.log_prob_scale = (self.levels - 1) / 2 if self.image else None
        c, schedule = config, "linear" if config.decay else "constant"
        self.players = {
            "flow": Player(
                self._flow, c.optimizer, weight_decay="weight_decay", schedule=schedule, ema=c.ema
            )
        }
        self.noise = {"flow": self.log_prob_noise(c.batch_size)}

    @property
    def prior(self) -> Prior:
        """The law of each number of the latent."""
        return "normal"

    @abstractmethod
    def bijection(self) -> nn.Module:
        """Build the map of [B, D] to latents [B, D] and log-determinants [B], and its inverse."""

    def _flow(self) -> nn.Module:
        if not self.variational:
            return self.bijection()
        return VariationalFlow(self.bijection(), Dequantiser(self.shape))

    @property
    def log_prob_kind(self) -> str:
        """Say what `log_prob` is: exact, or a bound."""
        return "elbo" if self.variational else "exact"

    @property
    def log_prob_of(self) -> str:
        """Describe, in words, the data that `log_prob` is the density of."""
        return dequantised_at(self.levels) if self.image else "points"

    def _dequantised(self, nets: Nets, x: Tensor, noise: Tensors) -> tuple[Tensor, Tensor]:
        """`x` [B, *shape] in R^D, and the log-determinant of that map [B]."""
        if not self.image:
            return x, x.new_zeros(x.shape[0])
        if not self.variational:
            return self.pixels.dequantised(x, noise["u"])
        u, log_q = nets["flow"].dequantiser(noise["u"].flatten(1), x)
        y, volume = self.pixels.dequantised(x, u.reshape(x.shape))
        return y, volume - log_q

    def _quantised(self, y: Tensor) -> Tensor:
        return self.pixels.quantised(y).reshape(-1, *self.shape) if self.image else y

    def log_prob_noise(self, batch: int, samples: int = 1) -> dict[str, Noise]:
        """Noise of `log_prob`: dequantisation for images, none for points."""
        kind: Literal["normal", "uniform"] = "normal" if self.variational else "uniform"
        return {"u": Noise((batch, *self.shape), kind)} if self.image else {}

    def log_prob(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """log p of the (dequantised) data [B], in nats; arXiv:1605.08803, equation 3.

        With variational dequantisation its lower bound, arXiv:1902.00275, equation 12.
        """
        y, before = self._dequantised(nets, x, noise)
        z, within = nets["flow"](y)
        out: Tensor = log_prior(self.prior, z) + within + before
        return out

    def invert_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `invert`, as of `log_prob`."""
        return self.log_prob_noise(batch)

    def invert(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The latent z [B, D] of the (dequantised) data."""
        z: Tensor = nets["flow"](self._dequantised(nets, x, noise)[0])[0]
        return z

    def interpolate(
        self, nets: Nets, x: Tensor, end: Tensor, at: Tensor, noise: Tensors, hyper: Tensors
    ) -> Tensor:
        """Straight lines between two batches' latents as data, [S, B, *shape] at fractions [S]."""
        first, last = (self.invert(nets, one, noise, hyper) for one in (x, end))
        z = torch.lerp(first, last, at[:, None, None])
        y = nets["flow"](z.flatten(0, 1), inverse=True)[0]
        return self._quantised(y).reshape(*z.shape[:2], *self.shape)

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of `log_prob`."""
        return self.log_prob_noise(batch)

    score_names = ("inversion_error",)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Distance of an example from the inverse of its latent, before grey levels: [B].

        A flow is invertible by construction, but float32 is not: large log-scales lose digits.
        """
        y = self._dequantised(nets, batch["x"], noise)[0]
        back = nets["flow"](nets["flow"](y)[0], inverse=True)[0]
        return {"inversion_error": (back - y).abs().amax(1)}

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean negative log-likelihood in nats per dimension, and in nats."""
        nll = -self.log_prob(nets, batch["x"], noise, hyper).mean()
        return nll / self.size, {"training_nll": nll.detach()}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes the latent."""
        return {"z": Noise((count, self.size), "uniform")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape], z truncated to ±hyper["truncation"] and times a temperature."""
        z = draw_prior(self.prior, noise["z"], hyper["truncation"]) * hyper["temperature"]
        return self._quantised(nets["flow"](z, inverse=True)[0])
