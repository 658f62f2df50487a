"""How unlike two images are in the features of a network: LPIPS without its calibration.

Zhang et al., arXiv:1801.03924, equation 1 with all weights 1. B batch, C channels.
"""

import torch
from torch import Tensor, nn

WIDTHS = (1, 2, 4)
"""Multiples of `channels` at each scale, as in the first three of VGG-16 (arXiv:1409.1556)."""
DEPTHS = (2, 2, 3)
"""Convolutions at each scale."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and standard deviation of colours in [-1, 1] of ImageNet, as in the authors' code."""
SEED = 0
"""Of weights that no file has: all trials are measured by the same ones."""


class PerceptualFeatures(nn.Module):
    """Images [B, 1 or 3, H, W] in [-1, 1] to maps at three scales, each pixel's of length 1.

    Without a file of weights they are random. With 64 channels it takes those of torchvision's
    VGG-16, `features.*` up to the third scale.
    """

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
                found.append(h / (h.square().sum(1, keepdim=True) + 1e-10).sqrt())
        return found


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def feature_distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Mean over a batch of the squared distances at a pixel, averaged over pixels, summed."""
    pairs = zip(one, other, strict=True)
    return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).sum()
