"""A gated PixelCNN over a grid of tokens or pixels (van den Oord et al., arXiv:1606.05328).

Two stacks of causal convolutions: the vertical one sees the rows above, the horizontal one the
places to the left and, through a 1x1 convolution, the vertical one. Together they see all that
comes before a place in raster order, with no blind spot. B batch, I inputs, C channels.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

Mask = Literal["A", "B"]
"""A leaves out the place itself (a row itself, in the vertical stack), B takes it in."""
Rows = tuple[Tensor, ...]
"""A few rows of what each layer's vertical stack sees, [B, I or C, rows, W]."""


class CausalConv2d(nn.Module):
    """The convolution of a masked `kernel` x `kernel` weight, without the masked part.

    `axis` is "row": the rows up to this one, or "place": this row up to this place. The weight
    has only the entries that a mask would leave, so nothing is multiplied by zero.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, axis: Literal["row", "place"], mask: Mask
    ) -> None:
        super().__init__()
        reach, size = kernel // 2, kernel // 2 + (mask == "B")
        self.last = mask == "B"
        self.axis = axis
        self.padding = (reach, reach, reach, 0) if axis == "row" else (reach, 0, 0, 0)
        self.conv = nn.Conv2d(inputs, outputs, (size, kernel) if axis == "row" else (1, size))

    def forward(self, x: Tensor, whole: bool = True) -> Tensor:
        """Convolve an image; or, if it is not `whole`, one row that comes with those above it."""
        before = pad(x, self.padding if whole else self.padding[:2])
        if not self.last:
            before = before[..., :-1, :] if self.axis == "row" else before[..., :-1]
        out: Tensor = self.conv(before)
        return out


def gate(x: Tensor) -> Tensor:
    """tanh of one half of the channels times the sigmoid of the other (equation 2)."""
    signal, control = x.chunk(2, 1)
    return signal.tanh() * control.sigmoid()


class GatedLayer(nn.Module):
    """Vertical and horizontal features to the next ones (figure 2); residual from the second on.

    `condition` channels, if any, are added before both gates (equations 4 and 5).
    """

    def __init__(
        self, inputs: int, channels: int, kernel: int, mask: Mask, condition: int = 0
    ) -> None:
        super().__init__()
        self.residual = mask == "B"
        self.vertical = CausalConv2d(inputs, 2 * channels, kernel, "row", mask)
        self.horizontal = CausalConv2d(inputs, 2 * channels, kernel, "place", mask)
        self.across = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.told = nn.Conv2d(condition, 4 * channels, 1, bias=False) if condition else None

    def forward(
        self, above: Tensor, left: Tensor, condition: Tensor | None, whole: bool = True
    ) -> tuple[Tensor, Tensor]:
        rows, own = self.vertical(above, whole), self.horizontal(left)
        if self.told is not None:
            first, second = self.told(condition).chunk(2, 1)
            rows, own = rows + first, own + second
        following: Tensor = self.out(gate(own + self.across(rows)))
        return gate(rows), left + following if self.residual else following


class GatedStack(nn.Module):
    """Maps [B, inputs, H, W] to features [B, C, H, W], each of what comes before its place.

    Conditioned on maps [B, condition, H, W], of which a place sees its own.
    """

    def __init__(
        self, inputs: int, channels: int, layers: int, kernel: int = 5, condition: int = 0
    ) -> None:
        super().__init__()
        first = GatedLayer(inputs, channels, kernel, "A", condition)
        others = [GatedLayer(channels, channels, kernel, "B", condition) for _ in range(layers - 1)]
        self.layers = nn.ModuleList([first, *others])
        self.widths, self.reach = [inputs, *[channels] * (layers - 1)], kernel // 2

    def features(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return the features of all places at once, for training."""
        above = left = x
        for layer in self.layers:
            above, left = layer(above, left, condition)
        return left

    def begin(self, x: Tensor) -> Rows:
        """Return what lies above the first row of images like `x`: zeros."""
        return tuple(x.new_zeros(len(x), n, self.reach, x.shape[-1]) for n in self.widths)

    def row(self, x: Tensor, above: Rows, condition: Tensor | None = None) -> tuple[Tensor, Rows]:
        """Return the features [B, C, 1, W] of one row, and that row of every layer.

        The cost is that of a row, for the layers' rows above it are remembered.
        """
        up = left = x
        own = []
        for layer, rows in zip(self.layers, above, strict=True):
            own.append(up)
            up, left = layer(torch.cat([rows, up], 2), left, condition, whole=False)
        return left, tuple(own)


class PixelCNN(GatedStack):
    """One-hot tokens [B, K, H, W] to logits [B, K, H, W], each of what comes before its place."""

    def __init__(
        self, codes: int, channels: int, layers: int, kernel: int = 5, condition: int = 0
    ) -> None:
        super().__init__(codes, channels, layers, kernel, condition)
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, codes, 1))

    def forward(self, tokens: Tensor, condition: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(tokens, condition))
        return logits
