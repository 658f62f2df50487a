"""The parts of ProGAN's critic (arXiv:1710.10196, table 2), which StyleGAN's has too.

B batch, C channels, S side.
"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu

from gensweep_models.config import check
from gensweep_models.nets.equalized import (
    EqualizedConv2d,
    EqualizedLinear,
    blur,
    minibatch_stddev,
)


def sides_of(shape: tuple[int, ...]) -> list[int]:
    """Return the sides of maps, doubling up to those of images, from 4 to 7 on.

    >>> sides_of((3, 32, 32)), sides_of((1, 28, 28))
    ([4, 8, 16, 32], [7, 14, 28])
    """
    fits = len(shape) == 3 and shape[1] == shape[2] and shape[1] >= 8
    check(fits, "the shape is C x S x S with S from 8", shape=shape)
    sides = [shape[1]]
    while sides[0] >= 8:
        check(sides[0] % 2 == 0, "S is 4, 5, 6 or 7 times a power of 2", shape=shape)
        sides.insert(0, sides[0] // 2)
    return sides


def channels_at(side: int, channels: int) -> int:
    """Return the number of maps of a side: `channels` up to 32, then half at each doubling."""
    return max(1, min(channels, 32 * channels // side))


def activate(x: Tensor) -> Tensor:
    return leaky_relu(x, 0.2)


def from_rgb(colours: int, channels: int) -> nn.Module:
    """Make the first layer of a critic: images to maps of their size."""
    return nn.Sequential(EqualizedConv2d(colours, channels, 1), nn.LeakyReLU(0.2))


class CriticBlock(nn.Module):
    """Two convolutions, the second smoothed before if so asked, and a halving of the sides."""

    def __init__(self, inputs: int, outputs: int, smooth: bool = False) -> None:
        super().__init__()
        self.conv1, self.conv2 = EqualizedConv2d(inputs, inputs), EqualizedConv2d(inputs, outputs)
        self.smooth = smooth

    def forward(self, x: Tensor) -> Tensor:
        h = activate(self.conv1(x))
        h = activate(self.conv2(blur(h) if self.smooth else h))
        return avg_pool2d(h, 2)


class CriticHead(nn.Module):
    """Maps [B, C, S, S] to scores [B], by the standard deviation in the batch too."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(channels + 1, channels)
        self.hidden = EqualizedLinear(channels * side**2, channels)
        self.score = EqualizedLinear(channels, 1, gain=1)

    def forward(self, x: Tensor) -> Tensor:
        h = activate(self.conv(minibatch_stddev(x)))
        scores: Tensor = self.score(activate(self.hidden(h.flatten(1))))
        return scores.squeeze(1)
