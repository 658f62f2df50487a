"""Conditional GAN: generator and critic are told the class.

Mirza and Osindero, arXiv:1411.1784, join the class with what each sees; the projection critic of
Miyato and Koyama, arXiv:1802.05637, weighs its last features by the class.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.bodies import Body, is_conv, make_generator
from gensweep_models.adversarial.objectives import critic_loss, critic_metrics, generator_loss
from gensweep_models.adversarial.truncation import (
    UNTRUNCATED,
    TruncatedSamples,
    truncation_field,
)
from gensweep_models.config import BaseConfig, check, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets import ConvCritic, mlp
from gensweep_models.nets.mlp import CriticNorm
from gensweep_models.nets.projection import Projection, one_hot
from gensweep_models.space import Categorical, Dimension, Integer, Real

Conditioning = Literal["concatenation", "projection"]
CganObjective = Literal["minimax", "non_saturating", "hinge"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CganConfig(BaseConfig):
    """Settings of a conditional GAN. The critic of the hinge loss is spectrally normalised."""

    learning_rate: float = lane(2e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    latent_size: int = latent(100, at_least=1)
    truncation: float = truncation_field(UNTRUNCATED)
    conditioning: Conditioning = fixed("concatenation", choices=get_args(Conditioning))
    objective: CganObjective = fixed("non_saturating", choices=get_args(CganObjective))
    body: Body = fixed("mlp", choices=get_args(Body))
    hidden: int = fixed(
        128, "units of the MLP; the conv body's narrowest map has half as many", at_least=1
    )
    layers: int = fixed(3, at_least=1)


CGAN_SPACE: dict[str, Dimension] = {
    "conditioning": Categorical(get_args(Conditioning)),
    "objective": Categorical(get_args(CganObjective)),
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "latent_size": Integer(2, 128, log=True),
    "critic_iterations": Integer(1, 5),
}


class ConditionalGenerator(nn.Module):
    """z [B, Z] and classes [B] to images in [-1, 1] or points; the class comes first, then z."""

    def __init__(self, config: CganConfig, data: DataShape) -> None:
        super().__init__()
        self.classes, self.shape = data.classes, data.shape
        inputs = data.classes + config.latent_size
        self.body = make_generator(config.body, inputs, data.shape, config.hidden, config.layers)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        told = one_hot(y, self.classes)
        out: Tensor = self.body(torch.cat([told, z], 1)).reshape(-1, *self.shape)
        return out.tanh() if len(self.shape) == 3 else out


class ConditionalCritic(nn.Module):
    """Examples and classes [B] to scores [B].

    Concatenation: the class is joined with the example, for the conv body as maps of 0 or 1.
    """

    def __init__(self, config: CganConfig, data: DataShape) -> None:
        super().__init__()
        self.classes, self.flat = data.classes, not is_conv(config.body, data.shape)
        self.projected, spectral = config.conditioning == "projection", config.objective == "hinge"
        joined = 0 if self.projected else data.classes
        body: Any
        if self.flat:
            body = mlp(joined + prod(data.shape), 1, config.hidden, config.layers, spectral)
        else:
            shape = (joined + data.shape[0], *data.shape[1:])
            norm: CriticNorm = "spectral" if spectral else "none"
            body = ConvCritic(shape, max(1, config.hidden // 2), norm).body
        self.body = body[:-1] if self.projected else body
        if self.projected:
            self.head = Projection(body[-1].in_features, data.classes, spectral)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = x.flatten(1) if self.flat else x
        told = one_hot(y, self.classes)
        maps = told.reshape(*told.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
        score: Tensor = (
            self.head(self.body(x), y)
            if self.projected
            else self.body(torch.cat([maps, x], 1)).squeeze(-1)
        )
        return score


class Cgan(TruncatedSamples):
    """A generator of samples of a class against a critic of pairs of an example and a class."""

    given = ("y",)

    def __init__(self, config: CganConfig, data: DataShape) -> None:
        check(
            data.classes > 0, "the data have classes; choose gan for others", classes=data.classes
        )
        is_conv(config.body, data.shape)
        self.config, self.data = config, data
        self.players = {
            "critic": Player(lambda: ConditionalCritic(config, data), turns="critic_iterations"),
            "generator": Player(lambda: ConditionalGenerator(config, data), ema=config.ema or None),
        }
        self.noise = dict.fromkeys(self.players, self.z_noise(config.batch_size))

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective; samples are of the classes of the batch."""
        y, objective = batch["y"], self.config.objective
        fake = nets["critic"](nets["generator"](noise["z"], y), y)
        if player == "generator":
            return generator_loss(objective, fake), {}
        real = nets["critic"](batch["x"], y)
        return critic_loss(objective, real, fake), critic_metrics(real, fake)

    def critic_values(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, given: Tensors
    ) -> Tensor:
        """The critic's scores [B] of examples of the classes given["y"]."""
        scores: Tensor = nets["critic"](x, given["y"])
        return scores
