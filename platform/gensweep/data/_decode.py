"""Decodes PNG and JPEG bytes into arrays of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from gensweep.data._picture import open_image, undecodable
from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CHUNK = 1024
"""Images decoded at a time."""
SIZES = range(4, 1025)
_GREY = {"1", "L", "LA"}

Item = TypeVar("Item")
Named = tuple[str, bytes]
"""Where an image comes from, for messages, and its bytes."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes to `[channels, height, width]` bytes; `image_size` makes all of them square."""

    image_size: int | None
    channels: int
    height: int
    width: int

    @classmethod
    def for_images(cls, samples: list[Named], image_size: int | None) -> Decoder:
        """Make a decoder that suits `samples`: grey only if all of them are.

        Raises `UserError` for a size that is not supported.
        """
        if image_size is not None and image_size not in SIZES:
            raise UserError(
                f"image size {image_size} is not supported: choose {SIZES[0]} to {SIZES[-1]}."
            )
        images = [open_image(*sample) for sample in samples]
        channels = 1 if all(image.mode in _GREY for image in images) else 3
        width, height = (image_size, image_size) if image_size else images[0].size
        if width not in SIZES or height not in SIZES:
            raise UserError(
                f"{samples[0][0]} is {width}x{height}, not within {SIZES[0]} to {SIZES[-1]}: "
                "set --image-size."
            )
        return cls(image_size, channels, height, width)

    def decode(self, named: Named) -> NDArray[np.uint8]:
        """Decode one image. Raises `UserError` if it is damaged or of another size."""
        import numpy as np

        where, data = named
        image = open_image(where, data)
        if self.channels == 1 and image.mode not in _GREY:
            raise UserError(f"{where} has colours, others have none: make all grey or all RGB.")
        try:
            image = image.convert("L" if self.channels == 1 else "RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise undecodable(where, error) from None
        if self.image_size:
            image = square(image, self.image_size)
        if image.size != (self.width, self.height):
            raise UserError(
                f"{where} is {image.width}x{image.height}, others are {self.width}x"
                f"{self.height}: set --image-size to resize and crop all."
            )
        pixels = np.asarray(image, np.uint8).reshape(self.height, self.width, self.channels)
        return pixels.transpose(2, 0, 1)

    def batches(
        self, images: Iterable[Item], read: Callable[[Item], Named]
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield all images in their order, up to `CHUNK` at a time, read and decoded by threads."""
        import numpy as np

        def one(item: Item) -> NDArray[np.uint8]:
            return self.decode(read(item))

        # A chunk is handed out before the next one is read: a whole data set of images would not
        # fit into memory, and `pool.map` alone would read ahead without bound.
        rest = iter(images)
        with ThreadPoolExecutor(8) as pool:
            while chunk := list(islice(rest, CHUNK)):
                yield np.stack(list(pool.map(one, chunk)))


def square(image: Image, size: int) -> Image:
    """Resize the shorter side to `size` by an antialiased Lanczos filter; cut out the middle."""
    from PIL.Image import Resampling

    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Resampling.LANCZOS)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))
