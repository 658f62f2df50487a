"""Denoisers: a small U-Net for images and an MLP for points, both told the time.

After Ho et al., arXiv:2006.11239, appendix B. B batch, C channels, S side, E embedding.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from gensweep_models.config import check
from gensweep_models.nets.mlp import mlp

MULTIPLES = (1, 2, 2, 2, 4, 4)
"""Of `channels`, at each resolution from the image's own downwards."""
SMALLEST = 4
"""Side of the smallest maps, at least."""
POINT_EMBEDDING = 64
OCTAVES = 6
"""Of the frequencies at which points are seen: 1 to 32 radians for a unit."""


def embed_time(time: Tensor, size: int) -> Tensor:
    """Sines and cosines of `time` [B] in [0, 1], as [B, size]. arXiv:1706.03762, section 3.5.

    >>> embed_time(torch.zeros(1), 4)
    tensor([[0., 0., 1., 1.]])
    """
    steps = torch.arange(size // 2, device=time.device, dtype=time.dtype)
    angles = 1000 * time[:, None] * torch.exp(steps * (-2 * math.log(1e4) / size))
    return torch.cat([angles.sin(), angles.cos()], -1)


def _norm(channels: int) -> nn.GroupNorm:
    # groups of 2 channels or more: of one, they would take away the time that is added before
    return nn.GroupNorm(math.gcd(8, max(1, channels // 2)), channels)


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Residual(nn.Module):
    """Two convolutions with the time added between them; begins as its shortcut."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(inputs), _norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = _zero(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.time = nn.Linear(embedding, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        h = self.conv1(silu(self.norm1(x))) + self.time(embedded)[:, :, None, None]
        out: Tensor = self.shortcut(x) + self.conv2(silu(self.norm2(h)))
        return out


class Attention(nn.Module):
    """One head of self-attention over the pixels; begins as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.query, self.key, self.value = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.out = _zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2) for layer in (self.query, self.key, self.value))
        weights = (q.mT @ k / math.sqrt(x.shape[1])).softmax(-1)
        out: Tensor = x + self.out((v @ weights.mT).reshape(x.shape))
        return out


def multiples_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Multiples of the channels for images of a shape: halved while sides stay `SMALLEST` or more.

    >>> multiples_of((1, 8, 8)), multiples_of((3, 32, 32)), multiples_of((3, 64, 48))
    ((1, 2), (1, 2, 2), (1, 2, 2, 2))
    """
    halvings = max(0, int(math.log2(min(shape[1:]) / SMALLEST)))
    return MULTIPLES[: 1 + min(halvings, 2 if min(shape[1:]) <= 32 else len(MULTIPLES) - 1)]


class Shrinking(nn.Module):
    """The half of a U-Net that makes maps smaller, with the embedding of times."""

    def __init__(self, shape: tuple[int, ...], channels: int, inputs: int) -> None:
        super().__init__()
        fits = len(shape) == 3 and min(shape[1:]) >= SMALLEST
        check(fits, f"images are {SMALLEST} x {SMALLEST} or larger", shape=shape)
        self.channels = channels
        self.widths = [channels * multiple for multiple in multiples_of(shape)]
        embedding = 4 * channels
        self.embed = mlp(2 * channels, embedding, embedding, 1)
        self.stem = nn.Conv2d(inputs, channels, 3, padding=1)
        before = [channels, *self.widths[:-1]]
        self.down = nn.ModuleList(
            Residual(some, width, embedding)
            for some, width in zip(before, self.widths, strict=True)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(w, w, 3, 2, 1) for w in self.widths[:-1])

    def embedded(self, time: Tensor) -> Tensor:
        """Times [B] as [B, E], before the last nonlinearity."""
        out: Tensor = self.embed(embed_time(time, 2 * self.channels))
        return out

    def maps(self, x: Tensor, embedded: Tensor) -> list[Tensor]:
        """The maps of each side, from the image's own downwards."""
        h, found = self.stem(x), []
        for level, down in enumerate(self.down):
            h = down(h if level == 0 else self.shrink[level - 1](h), embedded)
            found.append(h)
        return found


class UNet(Shrinking):
    """Noisy images [B, inputs, H, W] and times [B] in [0, 1] to [B, outputs, H, W], of any size.

    `inputs` and `outputs` are the channels of `shape` unless given: more inputs are an image that
    conditions (SR3, arXiv:2104.07636), more outputs a learned variance (arXiv:2102.09672).
    `condition` is the size of a vector [B, condition] that is added to the time's embedding; `text`
    is for an attention that sees one (nets/text_unet.py).
    """

    def __init__(
        self, shape: tuple[int, ...], channels: int, attention: bool, *, inputs: int | None = None,
        outputs: int | None = None, condition: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(shape, channels, shape[0] if inputs is None else inputs)
        widths, embedding = self.widths, 4 * channels
        self.middle = Residual(widths[-1], widths[-1], embedding)
        self.attention = Attention(widths[-1]) if attention else nn.Identity()
        above = [*widths[1:], widths[-1]]
        self.up = nn.ModuleList(
            Residual(after + width, width, embedding)
            for after, width in reversed(list(zip(above, widths, strict=True)))
        )
        self.norm = _norm(channels)
        self.out = _zero(nn.Conv2d(channels, outputs or shape[0], 3, padding=1))
        self.condition = nn.Linear(condition, embedding) if condition else None

    def forward(
        self, x: Tensor, time: Tensor, condition: Tensor | None = None, text: Tensor | None = None
    ) -> Tensor:
        embedded = self.embedded(time)
        if self.condition is not None and condition is not None:
            embedded = embedded + self.condition(condition)
        embedded = silu(embedded)
        skips = self.maps(x, embedded)
        h = self.middle(skips[-1], embedded)
        h = self.attention(h) if text is None else self.attention(h, text)
        for level, up in enumerate(self.up):
            skip = skips.pop()
            h = h if level == 0 else _enlarged(h, skip)
            h = up(torch.cat([h, skip], 1), embedded)
        out: Tensor = self.out(silu(self.norm(h)))
        return out


class NoisyClassifier(Shrinking):
    """Noisy images [B, C, H, W] and times [B] in [0, 1] to logits [B, classes].

    From the mean of the smallest maps; after arXiv:2105.05233, section 4, without attention.
    """

    def __init__(self, shape: tuple[int, ...], channels: int, classes: int) -> None:
        super().__init__(shape, channels, shape[0])
        self.norm, self.out = _norm(self.widths[-1]), nn.Linear(self.widths[-1], classes)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.maps(x, silu(self.embedded(time)))[-1]
        logits: Tensor = self.out(silu(self.norm(h)).mean((2, 3)))
        return logits


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Double the sides of `x`; a side that was odd when it was halved loses one again."""
    return interpolate(x, scale_factor=2.0)[..., : like.shape[-2], : like.shape[-1]]


class PointDenoiser(nn.Module):
    """Noisy points [B, D] and times [B] in [0, 1] to [B, outputs], by default D.

    `condition` is the size of a vector [B, condition] that is joined with them. Sees points
    through sines and cosines too, without which an MLP is slow to learn narrow modes; Tancik et
    al., arXiv:2006.10739.
    """

    def __init__(
        self, size: int, hidden: int, layers: int, outputs: int | None = None, condition: int = 0
    ) -> None:
        super().__init__()
        inputs = size * (1 + 2 * OCTAVES) + POINT_EMBEDDING + condition
        self.body = mlp(inputs, outputs or size, hidden, layers)

    def forward(self, x: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        octaves = 2.0 ** torch.arange(OCTAVES, device=x.device, dtype=x.dtype)
        angles = (x[..., None] * octaves).flatten(1)
        features = [x, angles.sin(), angles.cos(), embed_time(time, POINT_EMBEDDING)]
        features += [] if condition is None else [condition]
        out: Tensor = self.body(torch.cat(features, -1))
        return out
