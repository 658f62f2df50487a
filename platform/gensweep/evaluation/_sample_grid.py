"""Draws sample grids as PNG."""

import io
from collections.abc import Callable

import torch
from torch import Tensor

SIDE = 300
"""Pixels of a picture of points."""
DOT = (0, 114, 178)


def grid_png(samples: Tensor, modes: Tensor | None = None, columns: int = 8) -> bytes:
    """Draw images [N, C, H, W] in [-1, 1], or of points [N, 2] with their modes [K, 2], as PNG.

    Non-finite pixels are drawn as -1, non-finite points are left out.
    """
    if samples.ndim == 2:
        return _points(samples.detach().cpu(), modes)
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


def _points(samples: Tensor, modes: Tensor | None) -> bytes:
    """Dots, and the modes as crosses, in a frame around the modes; without any, around all."""
    import numpy as np
    from PIL import Image, ImageDraw

    shown = samples[samples.isfinite().all(1)]
    framed = shown if modes is None or not len(modes) else modes.cpu()
    place = frame(framed if len(framed) else torch.zeros(1, 2))
    canvas = np.full((SIDE, SIDE, 3), 255, np.uint8)
    at = place(shown).long().numpy()
    for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a dot is two by two pixels
        x, y = (at - (right, down)).T
        seen = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
        canvas[y[seen], x[seen]] = DOT
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for x, y in place(framed if modes is not None else shown[:0]).tolist():
        draw.line((x - 4, y - 4, x + 4, y + 4), fill="#d55e00", width=2)
        draw.line((x - 4, y + 4, x + 4, y - 4), fill="#d55e00", width=2)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def frame(points: Tensor) -> Callable[[Tensor], Tensor]:
    """From points [N, 2] to pixels: a square half as wide again as `points`."""
    low, high = points.amin(0), points.amax(0)
    middle, width = (low + high) / 2, 1.5 * float((high - low).max()) or 1.0

    def place(shown: Tensor) -> Tensor:
        at = ((shown - middle) / width + 0.5) * torch.tensor([1.0, -1.0]) + torch.tensor([0, 1.0])
        return at.clamp(-0.1, 1.1) * SIDE

    return place
