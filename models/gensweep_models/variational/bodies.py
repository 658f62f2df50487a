"""Networks between examples and codes, for any shape of data: perceptrons, or convolutions.

B batch, Z latent, D numbers of one example.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from torch import Tensor, nn

from gensweep_models.adversarial.bodies import is_conv
from gensweep_models.config import BaseConfig, fixed
from gensweep_models.nets.conv import STEM, ConvGenerator
from gensweep_models.nets.mlp import hidden_layers, mlp

Body = Literal["mlp", "conv"]
Activation = Literal["relu", "tanh"]
ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyConfig(BaseConfig):
    """Settings of both networks; those that a body does not use are ignored."""

    body: Body = fixed("mlp", "conv: of square images", choices=get_args(Body))
    hidden: int = fixed(256, "units of the mlp body", at_least=1)
    layers: int = fixed(2, "hidden layers of the encoder and of the decoder; 0: linear", at_least=0)
    activation: Activation = fixed("relu", "of the mlp body", choices=get_args(Activation))
    channels: int = fixed(32, "of the conv body's largest maps", at_least=1)


def make_encoder(config: BodyConfig, shape: Shape) -> tuple[nn.Module, int]:
    """Make a network of flat examples [B, D] to features [B, width], and tell the width."""
    if is_conv(config.body, shape):
        return _conv_encoder(shape, config.channels)
    activation = ACTIVATIONS[config.activation]
    body = hidden_layers(prod(shape), config.hidden, config.layers, activation=activation)
    return nn.Sequential(*body), config.hidden if config.layers else prod(shape)


def make_decoder(config: BodyConfig, latent: int, shape: Shape) -> nn.Module:
    """Make a network of codes [..., Z] to numbers [..., D] before any squashing."""
    if is_conv(config.body, shape):
        return ConvDecoder(latent, shape, config.channels)
    activation = ACTIVATIONS[config.activation]
    return mlp(latent, prod(shape), config.hidden, config.layers, activation=activation)


def _conv_encoder(shape: Shape, channels: int) -> tuple[nn.Module, int]:
    """Convolutions that halve the side, the mirror image of `ConvGenerator`."""
    side, halvings = STEM[shape[-1]]
    body: list[nn.Module] = [nn.Unflatten(1, shape)]
    inputs = shape[0]
    for step in range(halvings):
        body += [nn.Conv2d(inputs, channels << step, 4, 2, 1), nn.ReLU()]
        inputs = channels << step
    return nn.Sequential(*body, nn.Flatten()), inputs * side**2


class ConvDecoder(nn.Module):
    """A `ConvGenerator` of codes with any leading sizes, whose images are flat."""

    def __init__(self, latent: int, shape: Shape, channels: int) -> None:
        super().__init__()
        self.body = ConvGenerator(latent, shape, channels)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.body(z.flatten(0, -2))
        return images.reshape(*z.shape[:-1], -1)
