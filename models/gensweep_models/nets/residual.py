"""Residual blocks with a conditional normalisation, as generators and critics of images have.

After Miyato et al., arXiv:1802.05957, figure 4, and BigGAN, arXiv:1809.11096, appendix B.
B batch, C channels.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from gensweep_models.nets.spectral import SpectralConv2d, SpectralLinear

Norm = Literal["batch", "group", "instance"]
Resize = Literal["up", "down", "none"]
GROUPS = 8


class ConditionalNorm(nn.Module):
    """Normalises maps, then scales and shifts them by functions of a condition [B, size].

    Both functions begin as 1 and 0: at first it is the plain normalisation. Without a condition
    (size 0) gain and bias are learned numbers, as in any normalisation. `spectral`: they are
    normalised too, without a bias of their own, and begin at random.
    """

    def __init__(
        self, channels: int, size: int, kind: Norm = "batch", spectral: bool = False
    ) -> None:
        super().__init__()
        self.norm = _plain(channels, kind)
        self.gain: nn.Module
        self.bias: nn.Module
        if size and spectral:
            self.gain, self.bias = (SpectralLinear(size, channels, False) for _ in range(2))
        elif size:
            self.gain, self.bias = (_zero(nn.Linear(size, channels)) for _ in range(2))
        else:
            self.scale, self.shift = (nn.Parameter(torch.zeros(channels)) for _ in range(2))
        self.size = size

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h: Tensor = self.norm(x)
        if not self.size:
            return h * (1 + self.scale[:, None, None]) + self.shift[:, None, None]
        gain: Tensor = self.gain(condition)
        bias: Tensor = self.bias(condition)
        return h * (1 + gain[..., None, None]) + bias[..., None, None]


def _zero(layer: nn.Linear) -> nn.Linear:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _plain(channels: int, kind: Norm) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels, affine=False)
    groups = channels if kind == "instance" else min(GROUPS, channels)
    return nn.GroupNorm(groups, channels, affine=False)


class ResidualUp(nn.Module):
    """A generator's block: normalised by a condition, twice convolved, enlarged by `resize` up.

    Biases are left out where batch normalisation takes them away: their gradients would be noise.
    """

    def __init__(
        self, inputs: int, outputs: int, condition: int = 0, *, resize: Resize = "up",
        norm: Norm = "batch", spectral: bool = False, spectral_norms: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norm1 = ConditionalNorm(inputs, condition, norm, spectral_norms)
        self.norm2 = ConditionalNorm(outputs, condition, norm, spectral_norms)
        bias = norm != "batch"
        self.conv1 = conv(inputs, outputs, 3, spectral, bias)
        self.conv2 = conv(outputs, outputs, 3, spectral, bias)
        self.shortcut = conv(inputs, outputs, 1, spectral, bias)
        self.resize = _resizer(resize)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.conv1(self.resize(relu(self.norm1(x, condition))))
        h = self.conv2(relu(self.norm2(h, condition)))
        out: Tensor = h + self.shortcut(self.resize(x))
        return out


class ResidualDown(nn.Module):
    """A critic's block: twice convolved without normalisation, and halved by `resize` down.

    The `first` block of a critic sees the image itself, without a ReLU before it.
    """

    def __init__(
        self, inputs: int, outputs: int, *, resize: Resize = "down", first: bool = False,
        spectral: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3, spectral)
        self.conv2 = conv(outputs, outputs, 3, spectral)
        self.shortcut = conv(inputs, outputs, 1, spectral)
        self.resize, self.first = _resizer(resize), first

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(x if self.first else relu(x))
        h = self.resize(self.conv2(relu(h)))
        # 1x1 convolution and average pooling commute: whichever comes first sees fewer numbers.
        short = self.shortcut(self.resize(x)) if self.first else self.resize(self.shortcut(x))
        out: Tensor = h + short
        return out


def conv(
    inputs: int, outputs: int, kernel: int, spectral: bool = False, bias: bool = True
) -> nn.Module:
    """Make a convolution that keeps the sides, spectrally normalised if asked."""
    if spectral:
        return SpectralConv2d(inputs, outputs, kernel, 1, kernel // 2, bias)
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)


def _resizer(resize: Resize) -> Callable[[Tensor], Tensor]:
    known: dict[str, Callable[[Tensor], Tensor]] = {
        "up": lambda x: interpolate(x, scale_factor=2.0),
        "down": lambda x: avg_pool2d(x, 2),
        "none": lambda x: x,
    }
    return known[resize]
