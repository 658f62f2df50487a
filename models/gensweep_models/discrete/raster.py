"""Draws grids place after place in raster order from a gated PixelCNN, one place a step.

B batch, K codes, I inputs of the network: K for one-hot tokens, the channels for pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from gensweep_models.game import Net
from gensweep_models.nets.pixelcnn import Rows
from gensweep_models.nets.projection import one_hot

Canvas = tuple[Tensor, Rows]
"""The network's inputs [B, I, H, W], zero where nothing is drawn yet, and the rows before."""


def inverse_cdf(logits: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
    """A token of softmax(logits / temperature) for each u in [0, 1): [B, K], [B] to int64 [B]."""
    cdf = (logits / temperature).double().softmax(-1).cumsum(-1)
    below = (cdf <= uniform[:, None].double()).sum(-1)
    return below.clamp(max=logits.shape[-1] - 1)


def at_place(x: Tensor, place: Tensor) -> Tensor:
    """Take what [..., places] has at a place, exactly: all else counts as 0."""
    # a choice by a tensor's value would be no trace that can be replayed
    here = torch.arange(x.shape[-1], device=x.device) == place
    return (x * here).sum(-1)


def blank(net: Net, shape: tuple[int, ...], like: Tensor) -> Canvas:
    """Begin a grid of `shape` (I, H, W) for the batch of `like` [B, ...]."""
    grid = like.new_zeros(like.shape[0], *shape)
    return grid, net.begin(grid)


def draw_place(
    net: Net, canvas: Canvas, step: Tensor, draw: Callable[[Tensor], Tensor],
    condition: Tensor | None = None,
) -> Canvas:  # fmt: skip
    """Fill place number `step` with `draw` of its features [B, C], as inputs [B, I]."""
    grid, above = canvas
    height, width = grid.shape[2:]
    i, j = step // width, step % width
    row, told = _row(grid, i), None if condition is None else _row(condition, i)
    features, own = net.row(row, above, told)
    here = torch.arange(width, device=grid.device) == j
    row = torch.where(here, draw(at_place(features[:, :, 0], j))[:, :, None, None], row)
    this = torch.arange(height, device=grid.device)[:, None] == i
    seen = zip(above, (row, *own[1:]), strict=True)
    above = tuple(
        torch.where(j == width - 1, torch.cat([old[:, :, 1:], new], 2), old) for old, new in seen
    )
    return torch.where(this, row, grid), above


def _row(x: Tensor, i: Tensor) -> Tensor:
    return at_place(x.mT, i)[:, :, None]


def draw_token(
    net: Net, canvas: Canvas, step: Tensor, uniform: Tensor, temperature: Tensor,
    condition: Tensor | None = None,
) -> Canvas:  # fmt: skip
    """Fill place number `step` with a token of the net's softmax, by its `uniform` [B, H, W]."""

    def draw(features: Tensor) -> Tensor:
        logits = net.head(features[:, :, None, None])[:, :, 0, 0]
        u = at_place(uniform.flatten(1), step)
        return one_hot(inverse_cdf(logits, u, temperature), logits.shape[1])

    return draw_place(net, canvas, step, draw, condition)


def tokens_of(canvas: Canvas) -> Tensor:
    """Return the tokens, int64 [B, H, W], of a grid that is full."""
    return canvas[0].argmax(1)
