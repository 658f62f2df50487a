"""Pixels as grey levels, or as black and white: what several families make of images."""

from typing import Any, Literal, get_args

from gensweep_models.config import check, fixed
from gensweep_models.game import DataShape

Binarise = Literal["none", "dynamic"]
BINARISED = "pixels binarised by a draw from their intensities"


def at_levels(levels: int) -> str:
    """Describe, in words, images that have a probability."""
    return f"pixels at {levels} levels"


def dequantised_at(levels: int) -> str:
    """Describe, in words, images that have a density."""
    return f"pixels dequantised at {levels} levels"


def levels_field() -> Any:
    """A number of grey levels, which `check_levels` checks and `levels_of` reads."""
    return fixed(0, "number of grey levels; 0: as the data says, or else 256", at_least=0)


def check_levels(levels: int) -> None:
    """Raise ValueError for a number of grey levels that leaves no two apart."""
    check(levels == 0 or levels >= 2, "levels is 0 or >= 2", levels=levels)


def levels_of(data: DataShape, asked: int = 0) -> int:
    """Return the number of grey levels: as asked, or as a data set says by its largest, or 256."""
    return asked or int(getattr(data, "levels", 255)) + 1


def binarise_field(default: Binarise = "none") -> Any:
    """A choice to make images black and white, each pixel by a draw."""
    return fixed(
        default, "dynamic: pixels are drawn anew at every look", choices=get_args(Binarise)
    )
