"""A gated PixelCNN over a grid of tokens (van den Oord et al., arXiv:1606.05328, section 2).

Two stacks of causal convolutions: the vertical one sees the rows above, the horizontal one the
places to the left and, through a 1x1 convolution, the vertical one. Together they see all that
comes before a place in raster order, with no blind spot.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import pad

Mask = Literal["A", "B"]
"""A leaves out the place itself (a row itself, in the vertical stack), B takes it in."""


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

    def forward(self, x: Tensor) -> Tensor:
        before = pad(x, self.padding)
        if not self.last:
            before = before[..., :-1, :] if self.axis == "row" else before[..., :-1]
        out: Tensor = self.conv(before)
        return out


def gate(x: Tensor) -> Tensor:
    """tanh of one half of the channels times the sigmoid of the other (equation 2)."""
    signal, control = x.chunk(2, 1)
    return signal.tanh() * control.sigmoid()


class GatedLayer(nn.Module):
    """Vertical and horizontal features to the next ones (figure 2); residual from the second on."""

    def __init__(self, inputs: int, channels: int, kernel: int, mask: Mask) -> None:
        super().__init__()
        self.residual = mask == "B"
        self.vertical = CausalConv2d(inputs, 2 * channels, kernel, "row", mask)
        self.horizontal = CausalConv2d(inputs, 2 * channels, kernel, "place", mask)
        self.across = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, above: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        rows = self.vertical(above)
        following: Tensor = self.out(gate(self.horizontal(left) + self.across(rows)))
        return gate(rows), left + following if self.residual else following


class PixelCNN(nn.Module):
    """One-hot tokens [B, K, H, W] to logits [B, K, H, W], each of what comes before its place."""

    def __init__(self, codes: int, channels: int, layers: int, kernel: int = 5) -> None:
        super().__init__()
        first = GatedLayer(codes, channels, kernel, "A")
        others = [GatedLayer(channels, channels, kernel, "B") for _ in range(layers - 1)]
        self.layers = nn.ModuleList([first, *others])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, codes, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        above = left = tokens
        for layer in self.layers:
            above, left = layer(above, left)
        logits: Tensor = self.head(left)
        return logits
