"""Layers with an equalised learning rate, and what ProGAN normalises by (arXiv:1710.10196).

Weights are kept at variance 1 and multiplied by the constant of He as they are used: Adam's steps,
which have the size of the learning rate whatever the gradient's, then change all layers alike.
B batch, C channels.
"""

from math import gcd, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, linear

LEAKY = sqrt(2)
"""He's gain for a layer before a LeakyReLU; papers neglect its slope of 0.2."""
EPS = 1e-8


class EqualizedLinear(nn.Module):
    """y = rate (gain / sqrt(inputs) W x + b), W first N(0, 1 / rate^2); section 4.1.

    `rate` multiplies the learning rate of this layer, and nothing else (arXiv:1812.04948,
    appendix C). `bias` is the initial rate * b.
    """

    def __init__(
        self, inputs: int, outputs: int, gain: float = LEAKY, rate: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale, self.rate = rate * gain / sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualizedConv2d(nn.Module):
    """A convolution that keeps the sides, W first N(0, 1), used as gain / sqrt(C kernel^2) W."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, gain: float = LEAKY, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.padding = gain / sqrt(inputs * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale the vectors along dimension 1 to a mean square of 1; section 4.2.

    Zeros that pad a latent z do not matter before an `EqualizedLinear`: the size cancels, for what
    follows is gain W z / ||z||.
    """
    return x * (x.square().mean(1, keepdim=True) + EPS).rsqrt()


def minibatch_stddev(x: Tensor, group: int = 4) -> Tensor:
    """Append a map to `x` [B, C, H, W]: the standard deviation in a group of examples; section 3.

    It is the mean over all maps and pixels, a number for each group. Examples i, i + B / group and
    so on are one; if the batch does not divide, groups are of the greatest common divisor.
    """
    group = gcd(group, len(x))
    parts = x.reshape(group, -1, *x.shape[1:])
    variance = (parts - parts.mean(0)).square().mean(0)
    deviation = (variance + EPS).sqrt().flatten(1).mean(1).repeat(group)
    return torch.cat([x, deviation[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


def blur(x: Tensor) -> Tensor:
    """Filter square maps by [1, 2, 1] / 4 along both sides, zeros beyond them.

    arXiv:1812.04948, section 2.1 (bilinear sampling).
    """
    place = torch.arange(x.shape[-1], device=x.device)
    band = (2 - (place[:, None] - place).abs()).clamp(min=0) / 4
    # 5 times as fast on a CPU as overlapping pools of maps of 8x8
    return band @ x @ band


def doubled(x: Tensor) -> Tensor:
    """Repeat each number of maps twice along both sides."""
    return interpolate(x, scale_factor=2.0)
