"""Draws points of the plane, and what a critic says of it, as PNG."""

import io
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._frame import SIDE, Frame

SAMPLE, EXAMPLE, MODE = (0, 114, 178), (0, 158, 115), "#d55e00"
LOW, HIGH, LINE = (90, 90, 90), (255, 255, 255), (190, 190, 190)
"""Shades of a surface, and of its contours."""
STEPS = 16
"""Even steps of the value, between which contours are drawn."""


def plane_png(
    samples: Tensor, modes: Tensor | None = None, *, examples: Tensor | None = None,
    surface: Tensor | None = None,
) -> bytes:  # fmt: skip
    """Draw dots, and the modes as crosses, in `plane_frame`; those that are not finite left out.

    Below them are `examples` [N, 2], and below all the `surface` [S, S] of values from the top left
    of the frame, S a divisor of its pixels.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    every = samples if examples is None else torch.cat([samples, examples])
    place = plane_frame(every, modes).place
    canvas = np.full((SIDE, SIDE, 3), 255, np.uint8)
    if surface is not None:
        canvas[:] = _shaded(surface).numpy()
    for points, colour in ((examples, EXAMPLE), (samples, SAMPLE)):
        if points is not None:
            _dot(canvas, place(_finite(points)).long().numpy(), colour)
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for x, y in place(modes.cpu()).tolist() if modes is not None else ():
        draw.line((x - 4, y - 4, x + 4, y + 4), fill=MODE, width=2)
        draw.line((x - 4, y + 4, x + 4, y - 4), fill=MODE, width=2)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def plane_frame(points: Tensor, modes: Tensor | None) -> Frame:
    """Take the frame around the modes; without any, around all points."""
    framed = _finite(points) if modes is None or not len(modes) else modes.cpu()
    return Frame.around(framed)


def _finite(points: Tensor) -> Tensor:
    return points[points.isfinite().all(1)]


def _dot(canvas: Any, at: Any, colour: tuple[int, int, int]) -> None:
    """Draw dots of two by two pixels at `at` [N, 2], where they are within the canvas."""
    for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x, y = (at - (right, down)).T
        seen = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
        canvas[y[seen], x[seen]] = colour


def _shaded(surface: Tensor) -> Tensor:
    """Shade values [S, S], lighter where higher, with contours, as pixels [SIDE, SIDE, 3]."""
    low, high = surface.min(), surface.max()
    size = SIDE // len(surface)
    share = ((surface - low) / (high - low).clamp(min=1e-30))[..., None]
    pixels = torch.lerp(torch.tensor(LOW).float(), torch.tensor(HIGH).float(), share)
    step = (share * STEPS).floor().clamp(max=STEPS - 1)
    crossed = torch.zeros_like(step, dtype=torch.bool)
    crossed[1:] |= step[1:] != step[:-1]
    crossed[:, 1:] |= step[:, 1:] != step[:, :-1]
    pixels = torch.where(crossed, torch.tensor(LINE).float(), pixels)
    return pixels.byte().repeat_interleave(size, 0).repeat_interleave(size, 1)
