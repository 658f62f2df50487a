"""A GPT that sees a square window of a larger grid of tokens, and slides over it.

Esser et al., arXiv:2012.09841, section 3.2, figure 3. B batch, H x W grid, S side of the window.
"""

import torch
from torch import Tensor

from gensweep_models.discrete.raster import at_place, inverse_cdf
from gensweep_models.game import Net

Grid = tuple[int, int]


def window_places(top: Tensor, left: Tensor, side: int, grid: Grid) -> Tensor:
    """Places [..., S * S] in the grid, in raster order, of the window with a corner [...]."""
    across = torch.arange(side, device=top.device)
    rows, columns = top[..., None] + across, left[..., None] + across
    return (rows[..., :, None] * grid[1] + columns[..., None, :]).flatten(-2)


def random_windows(tokens: Tensor, uniform: Tensor, side: int) -> Tensor:
    """Cut a window out of each grid: tokens [B, H, W] and numbers [B, 2] to [B, S * S]."""
    grid = (tokens.shape[1], tokens.shape[2])
    top, left = ((uniform[:, i] * (grid[i] - side + 1)).long() for i in (0, 1))
    return tokens.flatten(1).gather(1, window_places(top, left, side, grid))


def draw_in_window(
    net: Net, tokens: Tensor, step: Tensor, uniform: Tensor, temperature: Tensor, side: int,
    y: Tensor | None,
) -> Tensor:  # fmt: skip
    """Add token number `step` to tokens [B, H, W], given those before it in the window around it.

    The window is centred as far as the grid's edges allow. Each step is a whole pass over it: what
    a window has at its places, the next one has elsewhere, so there is nothing to remember.
    """
    grid = (tokens.shape[1], tokens.shape[2])
    i, j = step // grid[1], step % grid[1]
    top, left = (i - side // 2).clamp(0, grid[0] - side), (j - side // 2).clamp(0, grid[1] - side)
    places = window_places(top, left, side, grid)
    seen = tokens.flatten(1).gather(1, places.expand(len(tokens), -1))
    logits = at_place(net(seen, y).mT, (i - top) * side + j - left)
    token = inverse_cdf(logits, at_place(uniform.flatten(1), step), temperature)
    here = torch.arange(tokens[0].numel(), device=tokens.device).reshape(grid) == step
    return torch.where(here, token[:, None, None], tokens)
