"""Generative adversarial networks (Goodfellow et al., arXiv:1406.2661) of many objectives.

What players minimise is a row of `OBJECTIVES`, what bounds the critic one of `PENALTIES`; on top
come cures for instability. The other systems of `variants` are this one with other settings.
B batch.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from gensweep_models.adversarial.bodies import Body, make_critic, make_generator
from gensweep_models.adversarial.cures import WithPast, anneal, feature_distance, pack
from gensweep_models.adversarial.objectives import (
    OBJECTIVES,
    Objective,
    critic_loss,
    generator_loss,
    label_smoothing,
)
from gensweep_models.adversarial.penalties import PENALTIES, Penalty, PenaltyName
from gensweep_models.adversarial.truncation import truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Net, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.nets.mlp import CriticNorm
from gensweep_models.space import Categorical, Dimension, Integer, Real

PenaltyChoice = Literal["own", "none", PenaltyName]


@dataclass(frozen=True, kw_only=True, slots=True)
class GanConfig(BaseConfig):
    """Settings of a GAN; those an objective does not use are ignored."""

    learning_rate: float = lane(2e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    clip: float = lane(0.01, "bound on the critic's weights; wasserstein", above=0)
    penalty_weight: float = lane(10.0, "of the penalty, if there is one", at_least=0)
    label_smoothing: float = lane(0.0, "by which labels of data are below 1", at_least=0, below=1)
    noise_scale: float = lane(0.1, "standard deviation of instance noise at first", at_least=0)
    history_weight: float = lane(1.0, "of the distance from past weights", at_least=0)
    latent_size: int = latent(16, at_least=1)
    truncation: float = truncation_field(2.0)
    objective: Objective = fixed("non_saturating", choices=get_args(Objective))
    penalty: PenaltyChoice = fixed(
        "own", "on the critic's gradient; own: the objective's", choices=get_args(PenaltyChoice)
    )
    spectral: bool = fixed(False, "critic's layers are divided by their norms; hinge: always")
    batch_norm: bool = fixed(
        False, "critic's features, but the first layer's, are normalised over the batch"
    )
    packing: int = fixed(1, "examples that the critic scores together (PacGAN)", at_least=1)
    minibatch_kernels: int = fixed(0, "of minibatch discrimination; 0: none", at_least=0)
    feature_matching: bool = fixed(False, "the generator's objective is the critic's features")
    instance_noise: bool = fixed(False, "examples and samples reach the critic with noise")
    historical_averaging: bool = fixed(False, "weights are drawn to the mean of past ones")
    point_scale: float = fixed(
        1.0, "networks see points divided by it, best the largest coordinate", above=0
    )
    body: Body = fixed("auto", choices=get_args(Body))
    hidden: int = fixed(
        128, "units of the MLP; the conv body's narrowest map has half as many", at_least=1
    )
    layers: int = fixed(3, at_least=1)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    @property
    def active_penalty(self) -> Penalty | None:
        """The penalty on the critic's gradient, or None."""
        name = OBJECTIVES[self.objective].penalty if self.penalty == "own" else self.penalty
        return None if name is None or name == "none" else PENALTIES[name]

    @property
    def normalised(self) -> bool:
        """True where the critic's layers are spectrally normalised."""
        return self.spectral or OBJECTIVES[self.objective].spectral

    @property
    def critic_norm(self) -> CriticNorm:
        """The normalisation of the critic's layers."""
        return "spectral" if self.normalised else "batch" if self.batch_norm else "none"

    def check_relations(self) -> None:
        """Refuse cures that do not go with the objective, each with its reason."""
        formula, penalty = OBJECTIVES[self.objective], self.active_penalty
        says = {"objective": self.objective, "penalty": self.penalty}
        check(formula.labels or not self.label_smoothing,
              "only an objective with labels has some to smooth: label_smoothing = 0",
              label_smoothing=self.label_smoothing, **says)  # fmt: skip
        check(
            not (formula.clips and penalty),
            "weights that are clipped bound the slope: penalty none, or wasserstein_gp",
            **says,
        )
        check(
            not formula.penalty or penalty is not None or self.normalised,
            "the critic's slope is bounded, by a penalty or spectral norms",
            **says,
        )
        check(not (self.minibatch_kernels and penalty),
              "a penalty is on the slope of each example alone: minibatch_kernels = 0",
              minibatch_kernels=self.minibatch_kernels, **says)  # fmt: skip
        check(not (self.batch_norm and penalty),
              "a penalty is on the slope of each example alone: batch_norm = False",
              batch_norm=self.batch_norm, **says)  # fmt: skip
        check(not (self.batch_norm and self.normalised),
              "a division by the batch's deviation undoes spectral norms: batch_norm = False",
              batch_norm=self.batch_norm, spectral=self.spectral, **says)  # fmt: skip
        check(self.batch_size % self.packing == 0, "packing divides batch_size",
              packing=self.packing, batch_size=self.batch_size)  # fmt: skip


GAN_SPACE: dict[str, Dimension] = {
    "objective": Categorical(get_args(Objective)),
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "latent_size": Integer(2, 64, log=True),
    "critic_iterations": Integer(1, 5),
    "truncation": Real(0.3, 3.0),
    "clip": Real(1e-3, 0.3, log=True, when={"objective": ("wasserstein",)}),
    "penalty_weight": Real(
        0.1, 20.0, log=True,
        when={"objective": tuple(name for name, one in OBJECTIVES.items() if one.penalty)},
    ),
    "batch_norm": Categorical(
        (False, True),
        when={"objective": tuple(
            name for name, one in OBJECTIVES.items() if not (one.penalty or one.spectral)
        )},
    ),
}  # fmt: skip


class Gan:
    """A generator against a critic. Points are unbounded, images pass through tanh."""

    def __init__(self, config: GanConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, tuple(data.shape), len(data.shape) == 3
        c, schedule = config, "linear" if config.decay else "constant"
        law = "images are in [-1, 1] as they are: point_scale = 1"
        check(not self.image or c.point_scale == 1, law, point_scale=c.point_scale)
        bound = "clip" if OBJECTIVES[c.objective].clips else None
        self.players = {
            "critic": Player(
                self._critic, c.optimizer, schedule=schedule, turns="critic_iterations",
                weight_bound=bound,
            ),
            "generator": Player(self._generator, c.optimizer, schedule=schedule, ema=c.ema),
        }  # fmt: skip
        self.noise = {"critic": self._noise(), "generator": self._noise()}
        if c.minibatch_kernels:  # no example has a score alone
            self.critic_values = None  # type: ignore[assignment, method-assign]
        if c.active_penalty:
            self.noise["critic"] |= c.active_penalty.noise(c.batch_size, self.shape)

    def _noise(self) -> dict[str, Noise]:
        c, each = self.config, Noise((self.config.batch_size, *self.shape))
        z = Noise((c.batch_size, c.latent_size), latent="latent_size")
        return {"z": z} | ({"near_real": each, "near_fake": each} if c.instance_noise else {})

    def _generator(self) -> nn.Module:
        c = self.config
        net = make_generator(c.body, c.latent_size, self.shape, c.hidden, c.layers)
        return WithPast(net) if c.historical_averaging else net

    def _critic(self) -> nn.Module:
        c, shape = self.config, (self.config.packing * self.shape[0], *self.shape[1:])
        net = make_critic(
            c.body, shape, c.hidden, c.layers, norm=c.critic_norm, kernels=c.minibatch_kernels
        )
        return WithPast(net) if c.historical_averaging else net

    def _generate(self, nets: Nets, z: Tensor) -> Tensor:
        out: Tensor = nets["generator"](z).reshape(-1, *self.shape)
        return out.tanh() if self.image else out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        real, fake = batch["x"] / self.config.point_scale, self._generate(nets, noise["z"])
        if self.config.instance_noise:
            scale, progress = hyper["noise_scale"], hyper["progress"]
            real = anneal(real, noise["near_real"], scale, progress)
            fake = anneal(fake, noise["near_fake"], scale, progress)
        real, fake = (pack(x, self.config.packing) for x in (real, fake))
        turn = self._critic_loss if player == "critic" else self._generator_loss
        loss, metrics = turn(nets["critic"], real, fake, noise, hyper)
        if self.config.historical_averaging:
            distance = nets[player].past(nets[player].net.parameters.values())
            metrics[f"{player}_history"] = distance.detach()
            loss = loss + hyper["history_weight"] * distance
        return loss, metrics

    def _generator_loss(
        self, critic: Net, real: Tensor, fake: Tensor, noise: Tensors, hyper: Tensors
    ) -> Loss:
        if self.config.feature_matching:
            return feature_distance(critic(real, features=True), critic(fake, features=True)), {}
        objective, score = self.config.objective, critic(fake).squeeze(-1)
        paired = OBJECTIVES[objective].paired
        return generator_loss(objective, score, critic(real).squeeze(-1) if paired else None), {}

    def _critic_loss(
        self, critic: Net, real: Tensor, fake: Tensor, noise: Tensors, hyper: Tensors
    ) -> Loss:
        c, score, known = self.config, critic(fake).squeeze(-1), critic(real).squeeze(-1)
        loss = critic_loss(c.objective, known, score)
        metrics = {"critic_gap": (known.mean() - score.mean()).detach()}
        if c.normalised:
            metrics["sigma_critic"] = (critic.net if c.historical_averaging else critic).sigma()
        if OBJECTIVES[c.objective].labels:
            loss = loss + label_smoothing(known, hyper["label_smoothing"])
        if c.active_penalty:
            # one number of each pack, or all of its examples' numbers
            drawn = {
                name: noise[name][:: c.packing]
                if name == "epsilon"
                else pack(noise[name], c.packing)
                for name in c.active_penalty.draws
            }
            penalty = c.active_penalty(critic.still, real, fake.detach(), drawn)
            metrics["penalty"] = penalty.detach()
            loss = loss + hyper["penalty_weight"] * penalty
        return loss, metrics

    def critic_values(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The critic's scores [B], of each example beside itself where some are packed."""
        beside = pack(x.repeat_interleave(self.config.packing, 0), self.config.packing)
        scores: Tensor = nets["critic"](beside).squeeze(-1)
        return scores

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes truncated normal z."""
        return {"z": Noise((count, self.config.latent_size), "uniform", latent="latent_size")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape], z truncated to ±hyper["truncation"]."""
        z = truncated_normal(noise["z"], hyper["truncation"])
        return self._generate(nets, z) * self.config.point_scale
