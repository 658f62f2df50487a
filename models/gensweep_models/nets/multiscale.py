"""Flows of images whose parts leave at several resolutions.

Dinh et al., arXiv:1605.08803, section 3.6; Kingma and Dhariwal, arXiv:1807.03039, figure 2.
B batch, C channels, D dimensions of a flattened image.
"""

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from gensweep_models.nets.coupling import FAR, Bijections, zero_at_the_end

Shape = tuple[int, ...]
Steps = Callable[[Shape, bool], Sequence[nn.Module]]
"""The bijections at a scale, of maps of a shape, and whether it is the last."""


class Squeeze(nn.Module):
    """Half the sides, four times the channels."""

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        out = pixel_shuffle(x, 2) if inverse else pixel_unshuffle(x, 2)
        return out, x.new_zeros(len(x))


class Split(nn.Module):
    """Half of the channels leave as latents; a Gaussian that the other half tells is their law.

    What leaves is standardised by its mean and log-scale, which begin at zero. Not `learned`, the
    law is standard normal.
    """

    def __init__(self, channels: int, learned: bool) -> None:
        super().__init__()
        self.kept = channels - channels // 2
        self.law: nn.Module | None = None
        if learned:
            left = channels // 2
            self.law = zero_at_the_end(nn.Conv2d(self.kept, 2 * left, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps [B, C, H, W] to what stays, what leaves and the log-determinant [B]."""
        kept, z = x[:, : self.kept], x[:, self.kept :]
        if self.law is None:
            return kept, z, x.new_zeros(len(x))
        mean, scale = self.law(kept).chunk(2, 1)
        return kept, (z - mean) * (-scale).exp(), -scale.flatten(1).sum(1)

    def join(self, kept: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse: maps of which `kept` stayed and `z` left, and the log-determinant [B]."""
        if self.law is None:
            return torch.cat([kept, z], 1), z.new_zeros(len(z))
        mean, scale = self.law(kept).chunk(2, 1)
        z = (z * scale.exp() + mean).clamp(-FAR, FAR)
        return torch.cat([kept, z], 1), scale.flatten(1).sum(1)


class MultiScale(nn.Module):
    """A bijection of images [B, D] and latents [B, D], the finest maps' first."""

    def __init__(self, shape: Shape, scales: int, steps: Steps, learned: bool) -> None:
        super().__init__()
        self.shape, self.left = shape, []
        found, splits = [], []
        for scale in range(scales):
            last = scale == scales - 1
            found.append(Bijections(steps(shape, last)))
            squeezes = sum(isinstance(step, Squeeze) for step in found[-1].steps)
            channels, *sides = shape
            shape = (channels * 4**squeezes, *(side >> squeezes for side in sides))
            if not last:
                splits.append(Split(shape[0], learned))
                self.left.append((shape[0] // 2, *shape[1:]))
                shape = (splits[-1].kept, *shape[1:])
        self.left.append(shape)
        self.scales, self.splits = nn.ModuleList(found), nn.ModuleList(splits)

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        if inverse:
            return self._images(x)
        x, total, latents = x.reshape(-1, *self.shape), x.new_zeros(len(x)), []
        for scale, bijections in enumerate(self.scales):
            x, volume = bijections(x)
            total = total + volume
            if scale < len(self.splits):
                x, z, volume = self.splits[scale](x)
                total = total + volume
                latents.append(z.flatten(1))
        return torch.cat([*latents, x.flatten(1)], 1), total

    def _images(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse, and its log-determinant [B]."""
        total = z.new_zeros(len(z))
        parts = torch.split(z, [prod(shape) for shape in self.left], 1)
        maps = [part.reshape(-1, *shape) for part, shape in zip(parts, self.left, strict=True)]
        x = maps[-1]
        for scale in reversed(range(len(self.scales))):
            if scale < len(self.splits):
                split: Any = self.splits[scale]
                x, volume = split.join(x, maps[scale])
                total = total + volume
            x, volume = self.scales[scale](x, inverse=True)
            total = total + volume
        return x.flatten(1), total


def halvings_of(shape: Shape, smallest: int) -> int:
    """Count the halvings of such images' sides that leave `smallest` or more.

    >>> [halvings_of(shape, 4) for shape in ((1, 8, 8), (1, 28, 28), (3, 32, 32))]
    [1, 2, 3]
    """
    even = min(int(log2(side & -side)) for side in shape[1:])
    return min(even, max(0, int(log2(min(shape[1:]) / smallest))))
