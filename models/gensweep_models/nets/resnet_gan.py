"""Residual generator and critic of images, as SAGAN and BigGAN have them.

After BigGAN, arXiv:1809.11096, appendix B, at small sides as in the authors' code
(ajbrock/BigGAN-PyTorch, `BigGAN.py`). B batch, C channels, S side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import relu

from gensweep_models.nets.attention import SelfAttention
from gensweep_models.nets.conv import check_image
from gensweep_models.nets.projection import Projection
from gensweep_models.nets.residual import ResidualDown, ResidualUp, conv
from gensweep_models.nets.spectral import SpectralLinear, SpectralNet, spectral_layers


@dataclass(frozen=True)
class Layout:
    """The blocks for images of a side; widths are multiples of the field `channels`."""

    smallest: int
    """Side of the generator's first maps."""
    up: tuple[int, ...]
    """Widths of the generator's maps before its blocks and after the last; each block doubles."""
    down: tuple[int, ...]
    """Widths after the critic's blocks that halve the side, and after those that keep it."""
    halvings: int


LAYOUTS = {
    8: Layout(4, (4, 4), (4, 4), 1),
    28: Layout(7, (4, 4, 4), (4, 4, 4, 4), 2),
    32: Layout(4, (4, 4, 4, 4), (4, 4, 4, 4), 2),
    64: Layout(4, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
}
"""Image side to its layout. Attention is at half the side: 16 for images of 32."""


def layout_of(shape: tuple[int, ...]) -> Layout:
    """Find the layout for images of `shape`; ValueError if there is none."""
    check_image(shape, LAYOUTS)
    return LAYOUTS[shape[1]]


class ResidualGenerator(SpectralNet):
    """A code [B, Z] and a condition [B, `condition`] for each block to images in [-1, 1]."""

    def __init__(
        self, shape: tuple[int, ...], channels: int, code: int, condition: int = 0, *,
        attention: bool = True, spectral_norms: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        layout = layout_of(shape)
        widths = [channels * multiple for multiple in layout.up]
        self.side = layout.smallest
        self.stem = SpectralLinear(code, widths[0] * self.side**2)
        self.blocks = nn.ModuleList(
            ResidualUp(before, after, condition, spectral=True, spectral_norms=spectral_norms)
            for before, after in pairwise(widths)
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.out = conv(widths[-1], shape[0], 3, spectral=True)
        self.attention: Any = SelfAttention(widths[-2]) if attention else nn.Identity()

    def forward(self, code: Tensor, conditions: Sequence[Tensor | None]) -> Tensor:
        attended = self.attention(self._before_attention(code, conditions))
        h = self.blocks[-1](attended, conditions[-1])
        out: Tensor = self.out(relu(self.norm(h))).tanh()
        return out

    def attention_weights(self, code: Tensor, conditions: Sequence[Tensor | None]) -> Tensor:
        """Return the weights [B, H, W, h, w] that places give to pooled ones."""
        h = self._before_attention(code, conditions)
        height, width = h.shape[2:]
        weights: Tensor = self.attention.weights(h)
        return weights.reshape(len(h), height, width, height // 2, width // 2)

    def _before_attention(self, code: Tensor, conditions: Sequence[Tensor | None]) -> Tensor:
        """Return the maps before the last block."""
        h: Tensor = self.stem(code).unflatten(1, (-1, self.side, self.side))
        for block, condition in zip(list(self.blocks)[:-1], conditions[:-1], strict=True):
            h = block(h, condition)
        return h


class ResidualCritic(SpectralNet):
    """Images [B, C, S, S] and, if there are `classes`, their classes [B] to scores [B]."""

    def __init__(
        self, shape: tuple[int, ...], channels: int, classes: int = 0, *, attention: bool = True
    ) -> None:
        super().__init__()
        layout = layout_of(shape)
        widths = [shape[0], *(channels * multiple for multiple in layout.down)]
        self.blocks = nn.ModuleList(
            ResidualDown(before, after, resize="down" if step < layout.halvings else "none",
                         first=step == 0, spectral=True)
            for step, (before, after) in enumerate(pairwise(widths))
        )  # fmt: skip
        self.head = Projection(widths[-1], classes)
        self.attention = SelfAttention(widths[1]) if attention else nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        """Sums over the places of the last maps, [B, F]."""
        h = self.attention(self.blocks[0](x))
        for block in list(self.blocks)[1:]:
            h = block(h)
        return relu(h).sum((2, 3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        score: Tensor = self.head(self.features(x), y)
        return score


def initialise(net: nn.Module, fill: Callable[[Tensor], Tensor]) -> nn.Module:
    """Fill the weights of all spectral layers and embeddings anew, in place, and return `net`."""
    embeddings = [module for module in net.modules() if isinstance(module, nn.Embedding)]
    for module in [*spectral_layers(net), *embeddings]:
        fill(module.weight)
    return net
