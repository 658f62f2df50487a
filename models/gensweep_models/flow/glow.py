"""Glow: steps of flow with invertible 1x1 convolutions (Kingma and Dhariwal, arXiv:1807.03039).

B batch, C channels.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gensweep_models.config import check, fixed
from gensweep_models.flow.density import Flow, FlowConfig
from gensweep_models.game import DataShape, OptimizerName
from gensweep_models.nets.coupling import zero_at_the_end
from gensweep_models.nets.multiscale import MultiScale, Shape, Squeeze, halvings_of
from gensweep_models.space import Categorical, Dimension, Real

MOST_SCALES = 3
"""Of those that are chosen by themselves, as in the paper for 32 x 32 pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GlowConfig(FlowConfig):
    """Settings of a Glow; the paper's, but for its size (K 32, 512 channels)."""

    optimizer: OptimizerName = fixed("adamax", choices=("adam", "adamw", "adamax"))
    batch_size: int = fixed(64, at_least=1)
    couplings: int = fixed(8, "steps of flow at each scale; K", at_least=1)
    channels: int = fixed(64, "of a coupling's convolutions", at_least=1)
    scales: int = fixed(0, "L; 0: as many as the sides allow, up to 3", at_least=0)


GLOW_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "couplings": Categorical((4, 8, 16)),
    "temperature": Real(0.5, 1.0),
}


class ActNorm(nn.Module):
    """Scales and shifts each channel, so that the first batch has mean 0 and variance 1.

    What the first batch tells is kept apart from what is learned on top of it, so that each trial
    of a pack begins with its own batch; section 3.1.
    """

    mean: Tensor
    log_std: Tensor
    begun: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias, self.log_scale = (nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(2))
        for name in ("mean", "log_std"):
            self.register_buffer(name, torch.zeros(channels, 1, 1))
        self.register_buffer("begun", torch.zeros(()))

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        mean, log_std = self.mean, self.log_std
        if self.training and not inverse:
            mean, log_std = self._statistics(x.detach())
        scale = self.log_scale - log_std
        volume = scale.sum() * x.shape[2] * x.shape[3]
        if inverse:
            return (x - self.bias) * (-scale).exp() + mean, -volume.expand(len(x))
        return (x - mean) * scale.exp() + self.bias, volume.expand(len(x))

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the first batch, which are kept."""
        kept, begun = (self.mean, self.log_std), self.begun.clone()
        spread = x.var((0, 2, 3), correction=0).clamp(min=1e-12).log() / 2
        seen = x.mean((0, 2, 3))[:, None, None], spread[:, None, None]
        found = [torch.where(begun > 0, *both) for both in zip(kept, seen, strict=True)]
        self.mean.copy_(found[0])
        self.log_std.copy_(found[1])
        self.begun.copy_(torch.ones_like(begun))
        return found[0], found[1]


class InvertibleConv(nn.Module):
    """A 1x1 convolution whose weight P L (U + diag(s)) begins as a random rotation; equation 10."""

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(channels, channels))[0]
        permutation, lower, upper = torch.linalg.lu(rotation)
        diagonal = upper.diagonal()
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))
        self.log_scale = nn.Parameter(diagonal.abs().log())
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", diagonal.sign())

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        lower = self.lower.tril(-1) + torch.eye(len(self.lower), device=x.device, dtype=x.dtype)
        upper = self.upper.triu(1) + torch.diag_embed(self.sign * self.log_scale.exp())
        volume = (self.log_scale.sum() * x.shape[2] * x.shape[3]).expand(len(x))
        maps = x.flatten(2)
        if not inverse:
            return (self.permutation @ lower @ upper @ maps).reshape(x.shape), volume
        maps = self.permutation.mT @ maps
        maps = torch.linalg.solve_triangular(lower, maps, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, maps, upper=True).reshape(x.shape), -volume


class AffineCoupling(nn.Module):
    """Scales and shifts half of the channels by functions of the others; table 1.

    The scale is sigmoid(raw + 2), and the network begins at zero.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.seen = channels // 2
        self.conv1 = nn.Conv2d(self.seen, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 1, bias=False)
        self.norm1, self.norm2 = ActNorm(width), ActNorm(width)
        changed = 2 * (channels - self.seen)
        self.conv3 = zero_at_the_end(nn.Conv2d(width, changed, 3, padding=1))
        self.gain = nn.Parameter(torch.zeros(changed, 1, 1))

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        seen, changed = x[:, : self.seen], x[:, self.seen :]
        h = self.norm1(self.conv1(seen))[0].relu()
        h = self.norm2(self.conv2(h))[0].relu()
        raw, shift = (self.conv3(h) * (3 * self.gain).exp()).chunk(2, 1)
        scale = logsigmoid(raw + 2)
        volume = scale.flatten(1).sum(1)
        if inverse:
            return torch.cat([seen, changed * (-scale).exp() - shift], 1), -volume
        return torch.cat([seen, (changed + shift) * scale.exp()], 1), volume


class Glow(Flow):
    """Steps of flow at several scales, of images alone."""

    alpha = 0.0

    def __init__(self, config: GlowConfig, data: DataShape) -> None:
        shape = tuple(data.shape)
        fits = len(shape) == 3 and not any(side % 2 for side in shape[1:])
        check(fits, "images have even sides; choose realnvp for points", shape=shape)
        self.scales = config.scales or min(MOST_SCALES, halvings_of(shape, 2))
        fits = not any(side % 2**self.scales for side in shape[1:])
        check(fits, "2 ** scales divides the sides", scales=self.scales, shape=shape)
        super().__init__(config, data)

    def bijection(self) -> nn.Module:
        """Scales of a squeeze and K steps."""
        return MultiScale(self.shape, self.scales, self._steps, learned=True)

    def _steps(self, shape: Shape, last: bool) -> list[nn.Module]:
        channels, width = 4 * shape[0], self.config.channels
        found: list[nn.Module] = [Squeeze()]
        for _ in range(self.config.couplings):
            found += [ActNorm(channels), InvertibleConv(channels), AffineCoupling(channels, width)]
        return found
