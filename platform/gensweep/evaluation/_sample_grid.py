"""Draws sample grids as PNG."""

import io

import torch
from torch import Tensor

from gensweep.evaluation._plane import plane_png


def grid_png(samples: Tensor, modes: Tensor | None = None, columns: int = 8) -> bytes:
    """Draw images [N, C, H, W] in [-1, 1], or of points [N, D] with their modes [K, 2], as PNG.

    Non-finite pixels are drawn as -1, non-finite points are left out. Of points with more than two
    numbers the first two are drawn; those with one are drawn in order, from left to right.
    """
    if samples.ndim == 2:
        return plane_png(in_plane(samples.detach().cpu()), modes)
    from PIL import Image

    pixels = samples.detach().cpu().float().nan_to_num(-1.0, 1.0, -1.0).clamp(-1, 1)
    levels = ((pixels + 1) * 127.5).round().byte()
    count, channels, height, width = levels.shape
    rows = -(-count // columns)
    sheet = torch.zeros(channels, rows * (height + 1) - 1, columns * (width + 1) - 1).byte()
    for i, image in enumerate(levels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[:, top : top + height, left : left + width] = image
    array = sheet[0].numpy() if channels == 1 else sheet[:3].permute(1, 2, 0).contiguous().numpy()
    factor = max(1, 256 // sheet.shape[2])
    picture = Image.fromarray(array)
    picture = picture.resize((picture.width * factor, picture.height * factor), 0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def in_plane(points: Tensor) -> Tensor:
    """Take the first two numbers of points [N, D]; those of one get their rank's share as first.

    >>> in_plane(torch.tensor([[3.0], [1.0]])).tolist()
    [[0.0, 1.0], [1.0, 3.0]]
    """
    if points.shape[1] > 1:
        return points[:, :2]
    return torch.stack([torch.linspace(0, 1, len(points)), points[:, 0].sort().values], 1)
