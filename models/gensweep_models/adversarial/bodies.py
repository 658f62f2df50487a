"""Networks of a GAN for any shape of data: perceptrons, or convolutions for square images."""

from math import prod
from typing import Literal

from torch import nn

from gensweep_models.config import check
from gensweep_models.nets import ConvCritic, ConvGenerator, MlpCritic, mlp
from gensweep_models.nets.conv import check_image
from gensweep_models.nets.mlp import CriticNorm

Body = Literal["auto", "mlp", "conv"]
"""auto: conv for images, unless they are as small as 8 x 8."""


def is_conv(body: Body, shape: tuple[int, ...]) -> bool:
    """Return whether the networks are convolutional; ValueError if the shape does not allow it."""
    conv = body == "conv" or (body == "auto" and len(shape) == 3 and shape[-1] != 8)
    if conv:
        check_image(shape, otherwise=" for body conv; choose body mlp otherwise")
    return conv


def make_generator(
    body: Body, latent: int, shape: tuple[int, ...], hidden: int, layers: int
) -> nn.Module:
    """Make a network of z [B, latent] to examples of a shape, flat [B, prod(shape)] of an MLP."""
    if is_conv(body, shape):
        return ConvGenerator(latent, shape, max(1, hidden // 2))
    return mlp(latent, prod(shape), hidden, layers)


def make_critic(
    body: Body, shape: tuple[int, ...], hidden: int, layers: int, *,
    norm: CriticNorm = "none", kernels: int = 0, outputs: int = 1,
) -> nn.Module:  # fmt: skip
    """Make a network of examples to scores [B, outputs], or to features; see `nets.critic`."""
    if is_conv(body, shape):
        return ConvCritic(shape, max(1, hidden // 2), norm, kernels, outputs)
    law = "the first hidden layer is not normalised over the batch: layers > 1"
    check(norm != "batch" or layers > 1, law, layers=layers)
    return MlpCritic(prod(shape), hidden, layers, norm, kernels, outputs)
