"""Opens one encoded image: its first frame, the right way up."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gensweep.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

ORIENTATION = 0x0112
_DEEP = ("I", "F")


def open_image(where: str, data: bytes) -> Image:
    """Open an image the right way up; alpha is dropped later, sixteen bits are refused."""
    from PIL import Image

    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise undecodable(where, error) from None
    if image.mode.startswith(_DEEP):
        raise UserError(f"{where} has pixels of mode {image.mode}: convert it to eight bits.")
    turn = turn_of(image)
    return image if turn is None else image.transpose(turn)


def turn_of(image: Image) -> Transpose | None:
    """Find how an image is turned upright; None where its EXIF block does not tell.

    Pillow's own `exif_transpose` writes the block anew, which fails for values that cameras and
    editors get wrong: a negative resolution, text in the place of a number.
    """
    from PIL.Image import Transpose

    turns = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
             5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE,
             8: Transpose.ROTATE_90}  # fmt: skip
    try:
        return turns.get(int(image.getexif().get(ORIENTATION, 1)))
    except Exception:  # a block may be broken in any way, and the picture be fine
        return None


def undecodable(where: str, error: Exception) -> UserError:
    """Say that an image is damaged."""
    return UserError(
        f"{where} cannot be decoded as an image ({type(error).__name__}): replace or remove it."
    )
