"""Decodes images, from bytes of any format that Pillow reads or from arrays, into one shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from gensweep.data._options import ReadOptions
from gensweep.data._picture import GREY, Opened, Range, open_image, undecodable
from gensweep.data._unreadable import Unreadable, UnreadableError
from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CHUNK = 1024
"""Images decoded at a time."""
SIZES = range(4, 1025)

Item = TypeVar("Item")
Named = tuple[str, "bytes | NDArray[Any]"]
"""Where an image comes from, for messages, and its bytes or pixels."""


class Decoded(NamedTuple):
    """Images that were read: their places among those asked for, and pixels `[n, C, H, W]`."""

    rows: list[int]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes to `[channels, height, width]` bytes; `image_size` makes all of them square."""

    image_size: int | None
    channels: int
    height: int
    width: int
    limits: Range | None = None
    """Values of a black and of a white pixel, where the user says so."""

    @classmethod
    def for_images(
        cls, samples: Iterable[Item], read: Callable[[Item], Named], options: ReadOptions
    ) -> Decoder:
        """Make a decoder that suits `samples`: grey only if all that can be read are.

        Raises `UserError` for a size that is not supported, and if none can be read.
        """
        size, limits = options.image_size, options.pixel_range
        if size is not None and size not in SIZES:
            raise UserError(
                f"image size {size} is not supported: choose {SIZES[0]} to {SIZES[-1]}."
            )

        def one(sample: Item) -> tuple[str, Opened] | UnreadableError:
            return _attempt(lambda: _opened(read(sample), limits))

        opened = list(map(one, samples))
        found = [one for one in opened if not isinstance(one, UnreadableError)]
        images = [(where, one.image) for where, one in found]
        if not images:
            raise cast(UnreadableError, opened[0])
        channels = 1 if all(image.mode in GREY for _, image in images) else 3
        (width, height), _ = Counter(image.size for _, image in images).most_common(1)[0]
        where = next(where for where, image in images if image.size == (width, height))
        width, height = (size, size) if size else (width, height)
        if width not in SIZES or height not in SIZES:
            raise UserError(
                f"{where} is {width}x{height}, not within {SIZES[0]} to {SIZES[-1]}: "
                "set --image-size."
            )
        return cls(size, channels, height, width, limits)

    def decode(self, named: Named) -> tuple[NDArray[np.uint8], bool]:
        """Decode one image; tell, too, whether what is transparent of it was put on white.

        Raises `UnreadableError` if it is damaged, of another size, or has colours among grey ones.
        """
        import numpy as np

        where, (image, on_white) = _opened(named, self.limits)
        if self.channels == 1 and image.mode not in GREY:
            why = "has colours, others have none (make all grey or all RGB)"
            raise UnreadableError(where, why)
        try:
            image = image.convert("L" if self.channels == 1 else "RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise undecodable(where, error) from None
        if self.image_size:
            image = square(image, self.image_size)
        if image.size != (self.width, self.height):
            raise UnreadableError(
                where,
                f"is {image.width}x{image.height}, others are {self.width}x{self.height} "
                "(--image-size resizes and crops all)",
            )
        pixels = np.asarray(image, np.uint8).reshape(self.height, self.width, self.channels)
        return pixels.transpose(2, 0, 1), on_white

    def batches(
        self, images: Iterable[Item], read: Callable[[Item], Named], bad: Unreadable
    ) -> Iterator[Decoded]:
        """Yield all images in their order, up to `CHUNK` at a time, read and decoded by threads.

        Those that cannot be read go into `bad`, and the number of those that are put on white.
        """
        import numpy as np

        def one(item: Item) -> tuple[NDArray[np.uint8], bool] | UnreadableError:
            return _attempt(lambda: self.decode(read(item)))

        # A chunk is handed out before the next one is read: a whole data set of images would not
        # fit into memory, and `pool.map` alone would read ahead without bound.
        rest, start = iter(images), 0
        with ThreadPoolExecutor(8) as pool:
            while chunk := list(islice(rest, CHUNK)):
                tried = dict(enumerate(pool.map(one, chunk), start))
                start += len(chunk)
                good = {row: p for row, p in tried.items() if not isinstance(p, UnreadableError)}
                bad.add(tried.values())
                bad.on_white += sum(on_white for _, on_white in good.values())
                if good:
                    yield Decoded(list(good), np.stack([pixels for pixels, _ in good.values()]))


def _attempt(read: Callable[[], Item]) -> Item | UnreadableError:
    try:
        return read()
    except UnreadableError as error:
        return error


def _opened(named: Named, limits: Range | None) -> tuple[str, Opened]:
    where, data = named
    return where, open_image(where, data, limits)


def square(image: Image, size: int) -> Image:
    """Resize the shorter side to `size` by an antialiased Lanczos filter; cut out the middle."""
    from PIL.Image import Resampling

    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Resampling.LANCZOS)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))
