"""Opens one image, encoded or as an array: its first frame, the right way up, in eight bits.

What is transparent stands on white: the colours that it hides may be any.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

from gensweep.data._unreadable import UnreadableError
from gensweep.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image, Transpose

Range = tuple[float, float]
"""The values of a black and of a white pixel."""
GREY = {"1", "L", "LA", "La"}
"""Modes of images without colour."""
ORIENTATION = 0x0112
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI",
           "TGA", "TIFF", "WEBP")  # fmt: skip
"""Formats of pixels: Pillow reads EPS, too, which is a program, and has Ghostscript run it."""
MOST_PIXELS = 1 << 26
"""Of an image before scaling: a file of kilobytes may say that it has gigabytes of them."""
SMALLEST, LARGEST = 340, 341
"""TIFF's fields for the range of its samples."""


class Opened(NamedTuple):
    """An image without transparency, and whether it had any."""

    image: Image
    on_white: bool


def open_image(where: str, data: bytes | NDArray[Any], given: Range | None = None) -> Opened:
    """Open an image the right way up, on white where it is transparent.

    Sixteen bits and floats are scaled from the range that is `given`, or that the file states.
    """
    from PIL import Image

    if not isinstance(data, bytes):
        return _on_white(_of_array(where, data, given))
    try:
        Image.init()
        known = [name for name in FORMATS if name in Image.OPEN]
        image: Image.Image = Image.open(io.BytesIO(data), formats=known)
        if image.width * image.height > MOST_PIXELS:
            why = f"is {image.width}x{image.height}, more than {MOST_PIXELS:,} pixels"
            raise UnreadableError(where, why)
        image.load()
    except UnreadableError:
        raise
    except Exception as error:  # of any kind, as decoders meet bytes of any kind
        raise undecodable(where, error) from None
    turn, deep = turn_of(image), image.mode.startswith(("I", "F"))
    limits = given or (stated_range(image) if deep else None)
    on_white = False
    if not deep:
        image, on_white = _on_white(image, 255 if given is None else min(255, round(given[1])))
    if deep or given:
        flat = image if deep else image.convert("L" if image.mode in GREY else "RGB")
        image = Image.fromarray(scaled(where, _array(flat), limits))
    return Opened(image if turn is None else image.transpose(turn), on_white)


def _on_white(image: Image, white: int = 255) -> Opened:
    """Put an image of eight bits on white; one that is opaque everywhere stays as it is."""
    from PIL import Image

    if "transparency" not in image.info and not {"A", "a"} & {*image.getbands()}:
        return Opened(image, on_white=False)
    pixels = image.convert("RGBA")
    if pixels.getchannel("A").getextrema() == (255, 255):
        return Opened(image, on_white=False)
    ground = Image.new("RGBA", image.size, (white, white, white, 255))
    ground.alpha_composite(pixels)
    return Opened(ground.convert("L" if image.mode in GREY else "RGB"), on_white=True)


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


def stated_range(image: Image) -> Range | None:
    """Find the range that a file states by its fields or its format; None if it states none."""
    # Pillow gives some files of sixteen bits the mode of thirty-two.
    if image.mode.startswith("I;16") or image.format in {"PNG", "PPM"}:
        return 0, 65535
    fields = getattr(image, "tag_v2", {})
    if SMALLEST not in fields or LARGEST not in fields:
        return None
    low, high = (min(_numbers(fields[SMALLEST])), max(_numbers(fields[LARGEST])))
    return (low, high) if low < high else None


def _numbers(field: Any) -> tuple[float, ...]:
    return field if isinstance(field, tuple) else (field,)


def scaled(where: str, pixels: NDArray[Any], limits: Range | None) -> NDArray[Any]:
    """Map pixels from the range `limits` to 0 .. 255; `UserError` if they are beyond it."""
    import numpy as np

    if limits is None:
        raise UserError(
            f"{where} has pixels of {pixels.min()} to {pixels.max()} and does not say what is "
            "black and white: say so by --pixel-range, such as --pixel-range 0,1."
        )
    low, high = limits
    if not np.isfinite(pixels).all():
        raise UnreadableError(where, "has pixels that are no finite numbers")
    if pixels.min() < low or pixels.max() > high:
        raise UserError(
            f"{where} has pixels of {pixels.min()} to {pixels.max()}, beyond {low} to {high}: "
            "say by --pixel-range LOW,HIGH what is black and white."
        )
    return np.asarray(np.rint((pixels.astype(np.float64) - low) * (255 / (high - low))), np.uint8)


def _array(image: Image) -> NDArray[Any]:
    import numpy as np

    return np.asarray(image)


def _of_array(where: str, pixels: NDArray[Any], given: Range | None) -> Image:
    """Make an image of an array [H, W], [H, W, C] or [C, H, W] of one, three or four channels."""
    from PIL import Image

    known = (1, 3, 4)
    if pixels.ndim == 3 and pixels.shape[2] not in known and pixels.shape[0] in known:
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or pixels.size == 0 or pixels.shape[2:] not in ((), (3,), (4,)):
        raise UnreadableError(where, f"is an array of {pixels.shape}, not height, width, channels")
    return Image.fromarray(scaled(where, pixels, given or _range_of(pixels)))


def _range_of(pixels: NDArray[Any]) -> Range | None:
    """Find the range that the type of an array states: whole numbers are bytes unless 16 bits."""
    kind = pixels.dtype.kind
    if kind == "b":
        return (0, 1)
    if kind not in "iu":
        return None
    return (0, 65535) if pixels.dtype.name == "uint16" else (0, 255)


def undecodable(where: str, error: Exception) -> UnreadableError:
    """Say that an image is damaged."""
    return UnreadableError(where, f"cannot be decoded as an image ({type(error).__name__})")
