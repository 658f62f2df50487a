"""Generative adversarial networks (Goodfellow et al., arXiv:1406.2661) of five objectives."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from torch import Tensor, nn

from gensweep_models.adversarial.objectives import (
    OBJECTIVES,
    Objective,
    critic_loss,
    generator_loss,
)
from gensweep_models.adversarial.penalties import gradient_penalty
from gensweep_models.adversarial.truncation import truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.nets import ConvCritic, ConvGenerator, mlp
from gensweep_models.nets.conv import STEM
from gensweep_models.space import Categorical, Dimension, Integer, Real

Body = Literal["auto", "mlp", "conv"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GanConfig(BaseConfig):
    """Settings of a GAN; those an objective does not use are ignored."""

    learning_rate: float = lane(2e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    clip: float = lane(0.01, "bound on the critic's weights; wasserstein", above=0)
    penalty_weight: float = lane(10.0, "wasserstein_gp", above=0)
    latent_size: int = latent(16, at_least=1)
    truncation: float = truncation_field(2.0)
    objective: Objective = fixed("non_saturating", choices=get_args(Objective))
    body: Body = fixed("auto", choices=get_args(Body))
    hidden: int = fixed(
        128, "units of the MLP; the conv body's narrowest map has half as many", at_least=1
    )
    layers: int = fixed(3, at_least=1)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")


GAN_SPACE: dict[str, Dimension] = {
    "objective": Categorical(get_args(Objective)),
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "latent_size": Integer(2, 64, log=True),
    "critic_iterations": Integer(1, 5),
    "truncation": Real(0.3, 3.0),
    "clip": Real(1e-3, 0.3, log=True, when={"objective": ("wasserstein",)}),
    "penalty_weight": Real(0.1, 20.0, log=True, when={"objective": ("wasserstein_gp",)}),
}


class Gan:
    """A generator against a critic. Points are unbounded, images pass through tanh."""

    def __init__(self, config: GanConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, data.shape, len(data.shape) == 3
        side = data.shape[-1]
        self.conv = config.body == "conv" or (config.body == "auto" and self.image and side != 8)
        fits = self.image and side in STEM and data.shape[-2] == side
        law = "the shape is C x S x S with S in 8, 28, 32 for body conv; choose body mlp otherwise"
        check(not self.conv or fits, law, body=config.body, shape=data.shape)
        bound = "clip" if config.objective == "wasserstein" else None
        c, schedule = config, "linear" if config.decay else "constant"
        self.players = {
            "critic": Player(
                self._critic, c.optimizer, schedule=schedule, turns="critic_iterations",
                weight_bound=bound,
            ),
            "generator": Player(self._generator, c.optimizer, schedule=schedule, ema=c.ema),
        }  # fmt: skip
        z = Noise((c.batch_size, c.latent_size), latent="latent_size")
        self.noise = {"critic": {"z": z}, "generator": {"z": z}}
        if c.objective == "wasserstein_gp":
            ones = (1,) * len(data.shape)
            self.noise["critic"]["epsilon"] = Noise((c.batch_size, *ones), "uniform")

    def _generator(self) -> nn.Module:
        c = self.config
        if self.conv:
            return ConvGenerator(c.latent_size, self.shape, max(1, c.hidden // 2))
        return mlp(c.latent_size, prod(self.shape), c.hidden, c.layers)

    def _critic(self) -> nn.Module:
        c, spectral = self.config, self.config.objective == "hinge"
        if self.conv:
            return ConvCritic(self.shape, max(1, c.hidden // 2), spectral)
        return nn.Sequential(nn.Flatten(), mlp(prod(self.shape), 1, c.hidden, c.layers, spectral))

    def _generate(self, nets: Nets, z: Tensor) -> Tensor:
        out: Tensor = nets["generator"](z).reshape(-1, *self.shape)
        return out.tanh() if self.image else out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        fake = self._generate(nets, noise["z"])
        objective = self.config.objective
        score = nets["critic"](fake).squeeze(-1)
        if player == "generator":
            paired = OBJECTIVES[objective].paired
            real = nets["critic"](batch["x"]).squeeze(-1) if paired else None
            return generator_loss(objective, score, real), {}
        real = nets["critic"](batch["x"]).squeeze(-1)
        loss = critic_loss(objective, real, score)
        metrics = {"critic_gap": (real.mean() - score.mean()).detach()}
        if objective == "wasserstein_gp":
            penalty = gradient_penalty(nets["critic"], batch["x"], fake.detach(), noise["epsilon"])
            metrics["penalty"] = penalty.detach()
            loss = loss + hyper["penalty_weight"] * penalty
        return loss, metrics

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes truncated normal z."""
        return {"z": Noise((count, self.config.latent_size), "uniform", latent="latent_size")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape], z truncated to ±hyper["truncation"]."""
        return self._generate(nets, truncated_normal(noise["z"], hyper["truncation"]))
