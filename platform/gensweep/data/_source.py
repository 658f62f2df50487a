"""The readers' common form: a description of the data, and their examples in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "test")
LONGEST_NAME = 100
"""Of a column, in characters: its array is a file of that name."""


class Chunk(NamedTuple):
    """Examples `[n, *shape]`, their classes `[n]` if there are any, and other columns by name."""

    x: NDArray[np.uint8] | NDArray[np.float32]
    y: NDArray[np.int64] | None = None
    columns: Mapping[str, NDArray[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The description of a named column: `shape` and type of one entry.

    `levels` is the largest value of a pixel or of a whole number, so that tokens are 0 to `levels`;
    0 for other numbers.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    levels: int = 0

    def __post_init__(self) -> None:
        if "/" in self.name or not self.name.isprintable() or len(self.name) > LONGEST_NAME:
            raise UserError(f"the column {self.name[:LONGEST_NAME]!r} has a name that no file can "
                            f"have: use up to {LONGEST_NAME} characters, no slash and no line "
                            "break.")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The description of a data set.

    `levels` is the largest value of a pixel: `x = 2 v / levels - 1`; 0 for points, which are kept
    as they are. `modes` and `mode_std` describe a known mixture of Gaussians. `stacked`: every
    channel is an image with a class of its own, and an example's class is the number whose digits
    those are, the first channel's in front. `mean` and `std` are what was taken off the numbers of
    a table, and what they were divided by; empty for others.
    """

    shape: tuple[int, ...]
    classes: int = 0
    class_names: tuple[str, ...] = ()
    levels: int = 255
    modes: tuple[tuple[float, ...], ...] | None = None
    mode_std: float | None = None
    protocol: str = ""
    columns: tuple[Column, ...] = ()
    stacked: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def dtype(self) -> str:
        return "uint8" if self.levels else "float32"

    @property
    def stored(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of an entry of each array, by name: `x`, `y` if labelled, columns."""
        labels: dict[str, tuple[str, tuple[int, ...]]] = (
            {"y": ("int64", ())} if self.classes else {}
        )
        others = {column.name: (column.dtype, column.shape) for column in self.columns}
        return {"x": (self.dtype, self.shape)} | labels | others

    @property
    def example_bytes(self) -> int:
        size = 1 if self.levels else 4
        for length in self.shape:
            size *= length
        return size


class Source(Protocol):
    """A data set in its original form. Reading it raises `UserError` if it is damaged."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """A digest that changes when the files do; costs a listing, no reading."""

    def meta(self) -> Meta: ...

    def chunks(self, split: str) -> Iterator[Chunk]:
        """Yield the examples of `train` or `test`, in a fixed order."""
