"""Boundary equilibrium GAN: an autoencoder as critic (Berthelot et al., arXiv:1703.10717).

The autoencoder learns to reconstruct data and not to reconstruct samples, the generator to make
samples that it reconstructs; a balance keeps their losses at a ratio gamma. B batch.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.bodies import Body, is_conv
from gensweep_models.adversarial.objectives import critic_metrics
from gensweep_models.config import BaseConfig, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.elu import decoder, encoder, flat_decoder, flat_encoder
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class BeganConfig(BaseConfig):
    """Settings of a BEGAN; the paper's, but that the rate falls linearly.

    The paper halves it where the measure of convergence stalls.
    """

    learning_rate: float = lane(1e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    gamma: float = lane(0.75, "loss of samples over that of data", at_least=0, at_most=1)
    balance_rate: float = lane(1e-3, "lambda, of the balance's steps", above=0)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    latent_size: int = latent(64, at_least=1)
    code_size: int = fixed(64, "of the bottleneck; best below an example's numbers", at_least=1)
    body: Body = fixed("auto", choices=get_args(Body))
    hidden: int = fixed(128, "n of the paper: units of the MLP, maps of a convolution", at_least=1)
    layers: int = fixed(2, "of the MLP, and of convolutions at each side of maps", at_least=1)
    batch_size: int = fixed(64, at_least=1)


BEGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "beta1": Real(0.0, 0.999),
    "gamma": Real(0.0, 1.0),
    "balance_rate": Real(1e-4, 1e-2, log=True),
    "critic_iterations": Categorical((1, 5)),
}


class Autoencoder(nn.Module):
    """Examples [B, *shape] to reconstructions; the decoder is built as the generator."""

    balance: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.register_buffer("balance", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encoder(x))
        return out

    def weigh(self, surplus: Tensor) -> Tensor:
        """Return the weight k of samples, and take the step that the next turn begins from."""
        weight = self.balance.clone()
        if self.training:
            self.balance.copy_((weight + surplus.detach()).clamp(0, 1))
        return weight


class Began:
    """The generator against the autoencoder; z is uniform in [-1, 1]."""

    def __init__(self, config: BeganConfig, data: DataShape) -> None:
        self.config, self.shape = config, tuple(data.shape)
        self.conv = is_conv(config.body, self.shape)
        self.players = {
            "critic": Player(self._critic, schedule="linear", turns="critic_iterations"),
            "generator": Player(self._generator, schedule="linear", ema=config.ema),
        }
        noise = self.sample_noise(config.batch_size)
        self.noise = {"critic": noise, "generator": noise}

    def _decoder(self, inputs: int) -> nn.Module:
        c, make = self.config, decoder if self.conv else flat_decoder
        return make(inputs, self.shape, c.hidden, c.layers)

    def _generator(self) -> nn.Module:
        return self._decoder(self.config.latent_size)

    def _critic(self) -> nn.Module:
        c, make = self.config, encoder if self.conv else flat_encoder
        inner = make(c.code_size, self.shape, c.hidden, c.layers)
        return Autoencoder(inner, self._decoder(c.code_size))

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """L(G(z)), or L(x) - k L(G(z)), of mean absolute errors L; section 3.4.

        `convergence` is the paper's measure M, section 3.4.1.
        """
        critic, samples = nets["critic"], nets["generator"](2 * noise["z"] - 1)
        of_fake = (critic(samples) - samples).abs()
        fake = of_fake.mean()
        if player == "generator":
            return fake, {}
        of_real = (critic(batch["x"]) - batch["x"]).abs()
        real = of_real.mean()
        surplus = hyper["gamma"] * real - fake
        weight = critic.weigh(hyper["balance_rate"] * surplus)
        metrics = {"balance": weight, "convergence": (real + surplus.abs()).detach()}
        scores = (-errors.flatten(1).mean(1) for errors in (of_real, of_fake))
        return real - weight * fake, metrics | critic_metrics(*scores)

    def critic_values(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """-L(x) of each example, [B]."""
        error: Tensor = nets["critic"](x) - x
        return -error.abs().flatten(1).mean(1)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform numbers in [0, 1), from which z is made."""
        return {"z": Noise((count, self.config.latent_size), "uniform", latent="latent_size")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape]; only here are images cut off at -1 and 1.

        In the losses a bound would hide errors beyond it: what a tanh saturates is reconstructed
        whatever its code is, and all samples become one that is.
        """
        out: Tensor = nets["generator"](2 * noise["z"] - 1)
        return out.clamp(-1, 1) if len(self.shape) == 3 else out
