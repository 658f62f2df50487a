"""RealNVP: density estimation by affine couplings (Dinh et al., arXiv:1605.08803).

B batch, D dimensions of a flattened example. Points and small images have one scale, and MLPs as
conditioners; larger images several scales and residual networks, without batch normalisation.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.config import check, fixed
from gensweep_models.flow.density import Flow, FlowConfig
from gensweep_models.game import DataShape
from gensweep_models.nets.coupling import Bijections, Coupling, masks
from gensweep_models.nets.mlp import mlp
from gensweep_models.nets.multiscale import MultiScale, Shape, Squeeze, halvings_of
from gensweep_models.space import Categorical, Dimension, Real

Body = Literal["auto", "mlp", "conv"]
CONV_SIDE = 16
"""Side from which the conv body is chosen by itself."""
MOST_HALVINGS = 2
AT_ONE_SCALE = 3
"""Couplings of each kind at a scale but the last, which has one more; figure 4."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RealnvpConfig(FlowConfig):
    """Settings of a RealNVP; those that a body does not use are ignored."""

    body: Body = fixed("auto", choices=get_args(Body))
    couplings: int = fixed(8, "of the mlp body", at_least=2)
    hidden: int = fixed(128, "units of an MLP", at_least=1)
    layers: int = fixed(2, "hidden layers of an MLP", at_least=1)
    channels: int = fixed(32, "of the residual networks at the first scale", at_least=1)
    blocks: int = fixed(2, "residual blocks of a conditioner", at_least=0)


REALNVP_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "weight_decay": Real(1e-6, 1e-1, log=True),
    "couplings": Categorical((4, 8)),
    "truncation": Real(0.3, 5.0),
    "temperature": Real(0.5, 1.0),
}


class Block(nn.Module):
    """x + f(x), f two convolutions after ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(self.conv1(x.relu()).relu())
        return out


class Realnvp(Flow):
    """Couplings whose masks take turns."""

    def __init__(self, config: RealnvpConfig, data: DataShape) -> None:
        large = len(data.shape) == 3 and min(data.shape[1:]) >= CONV_SIDE
        self.conv = config.body == "conv" or (config.body == "auto" and large)
        law = "the conv body has images of even sides: choose body mlp"
        fits = len(data.shape) == 3 and not any(side % 2 for side in data.shape[1:])
        check(fits or not self.conv, law, body=config.body, shape=tuple(data.shape))
        super().__init__(config, data)

    def bijection(self) -> nn.Module:
        """Couplings of one scale, or of several."""
        c, size = self.config, self.size
        if self.conv:
            scales = 1 + min(MOST_HALVINGS, halvings_of(self.shape, 4))
            return MultiScale(self.shape, scales, self._steps, learned=False)
        return Bijections(
            [
                Coupling(mask, mlp(size, 2 * size, c.hidden, c.layers))
                for mask in masks(self.shape, c.couplings)
            ]
        )

    def _steps(self, shape: Shape, last: bool) -> list[nn.Module]:
        """Checkerboards, then, unless it is the last scale, as many channel-wise masks."""
        row, column = torch.arange(shape[1])[:, None], torch.arange(shape[2])
        board = ((row + column) % 2).float().expand(shape)
        found = self._couplings(board, AT_ONE_SCALE + last)
        if last:
            return found
        squeezed = (4 * shape[0], shape[1] // 2, shape[2] // 2)
        half = (torch.arange(squeezed[0]) < squeezed[0] // 2).float()[:, None, None]
        return [*found, Squeeze(), *self._couplings(half.expand(squeezed), AT_ONE_SCALE)]

    def _couplings(self, mask: Tensor, count: int) -> list[nn.Module]:
        turns = [mask.contiguous(), 1 - mask]
        return [Coupling(turns[i % 2], self._conditioner(mask.shape[0])) for i in range(count)]

    def _conditioner(self, channels: int) -> nn.Module:
        width = self.config.channels
        body = [Block(width) for _ in range(self.config.blocks)]
        ends = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, 2 * channels, 1)
        return nn.Sequential(ends[0], *body, nn.ReLU(), ends[1])
