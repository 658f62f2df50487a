"""Takes images out of a column of a table: encoded, as paths, as pixels, alone or in lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from gensweep.data._decode import Named
from gensweep.data._place import Place
from gensweep.data._unreadable import UnreadableError

IMAGE_NAMES = ("image", "img", "images")
PIXEL_AXES = 2
"""Axes that an array of pixels has at least."""


@dataclass(frozen=True)
class ImageColumn:
    """A column, and which image of a list is taken: `images[1]`, or else the first."""

    name: str
    index: int = 0

    @classmethod
    def named(cls, text: str, columns: list[str]) -> ImageColumn:
        """Understand what a user wrote.

        >>> ImageColumn.named("images[1]", ["images"])
        ImageColumn(name='images', index=1)
        """
        found = re.fullmatch(r"(.+)\[(\d+)\]", text)
        if text in columns or not found:
            return cls(text)
        return cls(found[1], int(found[2]))

    def take(self, values: Any) -> Iterator[Any]:
        """Yield what each row has for an image; None: nothing."""
        pixels = _pixel_type(values.type)
        for value in storage(values).to_pylist():
            if value is not None and pixels is not None:
                yield _Pixels(value, *pixels)
            elif isinstance(value, list):
                yield value[self.index] if self.index < len(value) else None
            else:
                yield value

    def path(self, value: Any) -> str | None:
        """The path that a row has in the place of an image; None: it has none."""
        if isinstance(value, dict):
            value = None if value.get("bytes") else value.get("path")
        return value if isinstance(value, str) and value else None

    def read(self, item: tuple[str, Any]) -> Named:
        """Read what an image is decoded from, which the table holds itself."""
        where, value = item
        if isinstance(value, dict):
            value = value.get("bytes")
        if isinstance(value, bytes) and value:
            return where, value
        if isinstance(value, _Pixels):
            return where, value.array(where)
        raise UnreadableError(where, f"has no image bytes in {self.name!r}")


@dataclass(frozen=True)
class _Pixels:
    """The nested lists of one image, and their type and shape, where Arrow states one."""

    values: list[Any]
    dtype: Any
    shape: tuple[int, ...] | None

    def array(self, where: str) -> Any:
        import numpy as np

        try:
            made = np.array(self.values, self.dtype)
        except (ValueError, TypeError):
            raise UnreadableError(where, "has rows of pixels that differ in length") from None
        return made if self.shape is None else made.reshape(self.shape)


def may_hold_images(field: Any) -> bool:
    """Return whether a column may hold images, or by its name the paths of some."""
    from pyarrow import types

    paths = types.is_string(field.type) or types.is_large_string(field.type)
    return holds_images(field.type) or (paths and field.name.lower() in IMAGE_NAMES)


def holds_images(kind: Any) -> bool:
    """Return whether a column of this Arrow type may hold images.

    >>> import pyarrow as pa
    >>> holds_images(pa.list_(pa.binary())), holds_images(pa.list_(pa.list_(pa.uint8())))
    (True, True)
    >>> holds_images(pa.list_(pa.float32())), holds_images(pa.string())
    (False, False)
    """
    from pyarrow import types

    if types.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    if is_binary(kind) or _pixel_type(kind) is not None:
        return True
    if types.is_dictionary(kind) or is_list(kind):
        return holds_images(kind.value_type)
    return False


def holds_lists(kind: Any) -> bool:
    """Return whether each row has a list of images."""
    return is_list(kind) and _pixel_type(kind) is None


def is_binary(kind: Any) -> bool:
    """Return whether entries of this Arrow type are bytes."""
    from pyarrow import types

    tests = (types.is_binary, types.is_large_binary, types.is_binary_view,
             types.is_fixed_size_binary)  # fmt: skip
    return any(test(kind) for test in tests)


def is_list(kind: Any) -> bool:
    """Return whether entries of this Arrow type are lists."""
    from pyarrow import types

    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def storage(values: Any) -> Any:
    """The plain values of a column of an extension type, or of dictionary codes."""
    import pyarrow as pa

    if isinstance(values, pa.ExtensionArray):
        return values.storage
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def _pixel_type(kind: Any) -> tuple[Any, tuple[int, ...] | None] | None:
    """The type of the pixels of an array in each row, and its shape if stated; None: no arrays."""
    import pyarrow as pa
    from pyarrow import types

    shape = getattr(kind, "shape", None)
    leaf, axes = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind, 0
    while is_list(leaf):
        leaf, axes = leaf.value_type, axes + 1
    numbers = types.is_integer(leaf) or types.is_floating(leaf) or types.is_boolean(leaf)
    if not numbers or max(axes, len(shape or ())) < PIXEL_AXES:
        return None
    return leaf.to_pandas_dtype(), None if shape is None else tuple(shape)


def find_file(where: str, path: str, place: Place, table: str) -> str:
    """Find the file that a row of `table` names: beside that, or in the whole place."""
    folders = (str(PurePosixPath(table).parent / path), path)
    inside = next((one.removeprefix("./") for one in folders if place.has(one)), None)
    if inside is None:
        raise UnreadableError(where, f"names {path!r}, which is no file in {place.uri},")
    return inside
