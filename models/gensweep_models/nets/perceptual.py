"""How unlike two images are in the features of a network that never learns.

Zhang et al., arXiv:1801.03924, equation 1. B batch, C channels; images are in [-1, 1]. A network
gives maps [B, C, H, W] at several scales, whose squared distance at a pixel `feature_distance`
averages.
"""

from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

Features = Literal["random", "classifier", "lpips"]
"""Kinds of networks below; all but random ones have weights from a file."""
WIDTHS = (1, 2, 4)
"""Multiples of `channels` at each scale, as in the first three of VGG-16 (arXiv:1409.1556)."""
DEPTHS = (2, 2, 3)
"""Convolutions at each scale."""
VGG_WIDTHS, VGG_DEPTHS = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3)
"""Of VGG-16."""
LEAST_SIDE = 16
"""Pixels, of which VGG-16 leaves one at its last scale."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and standard deviation of colours in [-1, 1] of ImageNet, as in the authors' code."""
SEED = 0
"""Of weights that no file has: all trials are measured by the same ones."""


class RandomFeatures(nn.Module):
    """Maps at three scales of random convolutions, each pixel's of length 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.ends, inputs = [], 3
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            for multiple, depth in zip(WIDTHS, DEPTHS, strict=True):
                layers += [nn.MaxPool2d(2)] if layers else []
                for _ in range(depth):
                    layers += [_conv(inputs, multiple * channels), nn.ReLU()]
                    inputs = multiple * channels
                self.ends.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        shift, scale = (x.new_tensor(values)[:, None, None] for values in (SHIFT, SCALE))
        h, found = (x.expand(-1, 3, -1, -1) - shift) / scale, []
        for number, layer in enumerate(self.features):
            h = layer(h)
            if number in self.ends:
                found.append(_of_length_one(h))
        return found


class ClassifierFeatures(nn.Module):
    """Maps of the platform's classifier after each convolution, and before its classes.

    Names and shapes are those of `gensweep.metrics.FeatureNet`, without its head.
    """

    def __init__(self, shape: tuple[int, ...], width: int = 16, size: int = 64) -> None:
        super().__init__()
        channels, height, breadth = shape
        stride = 1 if height < 16 else 2
        self.first = nn.Conv2d(channels, width, 3, stride, 1)
        self.second = nn.Conv2d(width, 2 * width, 3, 2, 1)
        cells = prod(-(-side // (2 * stride)) for side in (height, breadth))
        self.hidden = nn.Linear(2 * width * cells, size)

    def forward(self, x: Tensor) -> list[Tensor]:
        first = self.first(x).relu()
        second = self.second(first).relu()
        hidden = self.hidden(second.flatten(1)).relu()[:, :, None, None]
        return [_of_length_one(h) for h in (first, second, hidden)]


class LpipsFeatures(nn.Module):
    """Maps of VGG-16 at five scales, each channel times the root of LPIPS' weight for it.

    So their `feature_distance` is LPIPS. Names are those of the package `lpips`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scaling_layer, self.net = _Colours(), nn.Module()
        number, inputs = 0, 3
        for scale, (width, depth) in enumerate(zip(VGG_WIDTHS, VGG_DEPTHS, strict=True)):
            part, number = nn.Sequential(), number + bool(scale)
            if scale:
                part.add_module("pool", nn.MaxPool2d(2))
            for _ in range(depth):
                part.add_module(str(number), _conv(inputs, width))
                part.add_module(f"relu{number}", nn.ReLU())
                number, inputs = number + 2, width
            self.net.add_module(f"slice{scale + 1}", part)
            weigh = nn.Sequential(nn.Identity(), nn.Conv2d(width, 1, 1, bias=False))
            self.add_module(f"lin{scale}", nn.ModuleDict({"model": weigh}))

    def forward(self, x: Tensor) -> list[Tensor]:
        h, found = self.scaling_layer(x.expand(-1, 3, -1, -1)), []
        for scale in range(len(VGG_DEPTHS)):
            h = self.net.get_submodule(f"slice{scale + 1}")(h)
            weight = self.get_parameter(f"lin{scale}.model.1.weight")
            found.append(_of_length_one(h) * weight.clamp(min=0).sqrt())
        return found


class _Colours(nn.Module):
    """Colours as ImageNet's: of mean 0 and variance 1."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("shift", SHIFT), ("scale", SCALE)):
            self.register_buffer(name, torch.tensor(values)[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale


def _of_length_one(h: Tensor) -> Tensor:
    return h / (h.square().sum(1, keepdim=True) + 1e-10).sqrt()


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def feature_distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Mean over a batch of the squared distances at a pixel, averaged over pixels, summed."""
    pairs = zip(one, other, strict=True)
    return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).sum()
