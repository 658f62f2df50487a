"""Coupling layers. Dinh et al., arXiv:1410.8516 and arXiv:1605.08803, sections 3.2 to 3.5.

B batch, D dimensions of a flattened example. A bijection maps x, or with `inverse` back, and gives
the log-determinant of that map's Jacobian [B] too.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor, nn

FAR = 1e6
"""At which numbers are cut off on the way back: of rare latents they grow up to inf - inf."""


class Coupling(nn.Module):
    """Scales and shifts the numbers outside `mask` by functions of those inside it.

    The mask has an example's shape, 1 at what stays. The conditioner maps the others' zeros and
    these, and a `condition` if there is one, to log-scales and shifts, twice the channels, and
    begins at zero, so that the layer begins as the identity. The log-scale is a learned multiple of
    a tanh; `additive` couplings only shift.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, conditioner: nn.Module, *, additive: bool = False) -> None:
        super().__init__()
        self.conditioner = zero_at_the_end(conditioner)
        self.factor = None if additive else nn.Parameter(torch.ones(mask.shape))
        self.register_buffer("mask", mask)

    def forward(
        self, x: Tensor, inverse: bool = False, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The image of `x` and the log-determinant of its Jacobian [B]."""
        seen = x * self.mask
        out = self.conditioner(seen if condition is None else torch.cat([seen, condition], 1))
        free = 1 - self.mask
        if self.factor is None:
            return (x - free * out if inverse else x + free * out), x.new_zeros(len(x))
        raw, shift = out.chunk(2, 1)
        scale, shift = free * self.factor * raw.tanh(), free * shift
        if inverse:
            return (x - shift) * (-scale).exp(), -scale.flatten(1).sum(-1)
        return x * scale.exp() + shift, scale.flatten(1).sum(-1)


def zero_at_the_end(net: nn.Module) -> nn.Module:
    """Set the weights and the bias of the last layer to zero."""
    for parameter in list(net.parameters())[-2:]:
        nn.init.zeros_(parameter)
    return net


class Bijections(nn.Module):
    """One bijection after the other; the inverse keeps numbers finite."""

    def __init__(self, steps: Sequence[nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """The image of `x`, or with `inverse` its preimage, and the log-determinant [B]."""
        total = x.new_zeros(x.shape[0])
        for step in reversed(self.steps) if inverse else self.steps:
            x, log_determinant = step(x, inverse)
            x = x.clamp(-FAR, FAR) if inverse else x
            total = total + log_determinant
        return x, total


def masks(shape: tuple[int, ...], count: int) -> list[Tensor]:
    """`count` masks [D] of 0 and 1, each followed by its complement.

    Points: halves. Images, flattened: checkerboards, then the upper and the lower half.

    >>> [mask.tolist() for mask in masks((2,), 2)]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return list(islice(cycle(_kinds(shape)), count))


def _kinds(shape: tuple[int, ...]) -> Iterator[Tensor]:
    halves = torch.zeros(shape).flatten()
    halves[: -(-halves.numel() // 2)] = 1
    if len(shape) == 3:
        row, column = torch.arange(shape[1])[:, None], torch.arange(shape[2])
        board = ((row + column) % 2).expand(shape).flatten().float()
        yield from (board, 1 - board)
    yield from (halves, 1 - halves)
