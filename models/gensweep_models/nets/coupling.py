"""Affine coupling layers. Dinh et al., arXiv:1605.08803, sections 3.2 to 3.5.

B batch, D dimensions.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor, nn

from gensweep_models.nets.mlp import mlp


class Coupling(nn.Module):
    """Scales and shifts the coordinates outside `mask` by functions of those inside it.

    The log-scale is a learned multiple of a tanh; the conditioner begins at zero, so that the
    layer begins as the identity.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, hidden: int, layers: int) -> None:
        super().__init__()
        size = mask.numel()
        self.conditioner = mlp(size, 2 * size, hidden, layers)
        self.factor = nn.Parameter(torch.ones(size))
        self.register_buffer("mask", mask)
        for parameter in list(self.conditioner.parameters())[-2:]:
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """The image of `x` [B, D] and the log-determinant of its Jacobian [B]."""
        raw, shift = self.conditioner(x * self.mask).chunk(2, -1)
        free = 1 - self.mask
        scale, shift = free * self.factor * raw.tanh(), free * shift
        if inverse:
            return (x - shift) * (-scale).exp(), -scale.sum(-1)
        return x * scale.exp() + shift, scale.sum(-1)


class Couplings(nn.Module):
    """A bijection of R^D, data to latent: couplings whose masks take turns."""

    def __init__(self, masks: Sequence[Tensor], hidden: int, layers: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(Coupling(mask, hidden, layers) for mask in masks)

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """The image of `x` [B, D], or with `inverse` its preimage, and the log-determinant [B]."""
        total = x.new_zeros(x.shape[0])
        for step in reversed(self.steps) if inverse else self.steps:
            x, log_determinant = step(x, inverse)
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
