"""Layers that a style steers: of StyleGAN (arXiv:1812.04948) and of StyleGAN2 (1912.04958).

B batch, C channels, H and W sides, W' the size of a style w.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, group_norm, leaky_relu

from gensweep_models.nets.equalized import (
    EPS,
    LEAKY,
    EqualizedConv2d,
    EqualizedLinear,
    blur,
    doubled,
)

Modulation = Literal["adain", "demodulation"]
MODULATIONS: tuple[Modulation, ...] = get_args(Modulation)


def adain(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Normalise each map of each example, then gain and shift it by [B, C]; equation 1."""
    alike = group_norm(x, x.shape[1], eps=EPS)  # groups of one map each
    return alike * gain[..., None, None] + shift[..., None, None]


def demodulated_conv(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    """Convolve with weights `style` w of each example, of norm 1; arXiv:1912.04958, eqs. 1 to 3.

    `style` is [B, inputs]. Maps are scaled before and after in the place of an example's weights:
    all of them then have the same ones, and one convolution.
    """
    norm = style.square() @ weight.square().sum((2, 3)).mT
    h = conv2d(x * style[..., None, None], weight, padding=weight.shape[-1] // 2)
    return h * (norm + EPS).rsqrt()[..., None, None]


class NoisyActivation(nn.Module):
    """Adds noise [B, 1, H, W] in learned amounts, at first none, and a bias, before LeakyReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.strength, self.bias = (nn.Parameter(torch.zeros(channels)) for _ in range(2))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        h = x + self.strength[:, None, None] * noise + self.bias[:, None, None]
        return leaky_relu(h, 0.2)


class AdaptiveLayer(nn.Module):
    """A convolution, noise, and AdaIN by a style; `inputs` 0: the constant, without convolution."""

    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, outputs, bias=False) if inputs else nn.Identity()
        self.activation = NoisyActivation(outputs)
        self.style = EqualizedLinear(style, 2 * outputs, gain=1)
        self.up = up

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        h = blur(self.conv(doubled(x))) if self.up else self.conv(x)
        gain, shift = self.style(w).chunk(2, 1)
        return adain(self.activation(h, noise), 1 + gain, shift)


class DemodulatedLayer(nn.Module):
    """A convolution with weights that a style modulates, and noise."""

    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.activation = NoisyActivation(outputs)
        self.style = EqualizedLinear(style, inputs, gain=1, bias=1)
        self.up = up

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        # He's constant would change nothing but the part of EPS: demodulation divides by it
        scale = (self.weight[0].numel()) ** -0.5
        h = demodulated_conv(doubled(x) if self.up else x, self.weight * scale, self.style(w))
        activated: Tensor = self.activation(blur(h) if self.up else h, noise)
        return LEAKY * activated


def style_groups(sides: Sequence[int]) -> dict[str, range]:
    """Group layers by the sides of their maps: coarse, middle and fine (section 3.1).

    >>> style_groups([4, 4, 8, 8, 16, 16, 32, 32])
    {'coarse': range(0, 4), 'middle': range(4, 6), 'fine': range(6, 8)}
    """
    distinct = sorted(set(sides))
    names = ("coarse", "middle", "fine") if len(distinct) > 2 else ("coarse", "fine")
    group = [len(names) * distinct.index(side) // len(distinct) for side in sides]
    firsts = [group.index(number) for number in range(len(names))]
    return {name: range(first, first + group.count(number))
            for number, (name, first) in enumerate(zip(names, firsts, strict=True))}  # fmt: skip


def crossovers(uniform: Tensor, probability: Tensor, layers: int) -> Tensor:
    """Draw the layer [B] at which styles change, from 1 to layers - 1, or `layers`: nowhere.

    They change with a `probability`; `uniform` [B] decides both. Section 3.1.
    """
    place = 1 + (uniform / probability * (layers - 1)).floor()
    return torch.where(uniform < probability, place, float(layers))


def mixed(w: Tensor, other: Tensor, first: Tensor, layers: int) -> Tensor:
    """Styles of all layers [N, B, W']: `w` before the layer `first` [B], `other` from it on."""
    place = torch.arange(layers, device=w.device)
    return torch.where(place[:, None, None] < first[:, None], w, other)
