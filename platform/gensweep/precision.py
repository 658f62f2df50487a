"""The formats in which a pack may multiply, and the lanes from which on last bits agree."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

FEWEST = 2
"""Least lanes of a computation: one alone takes other kernels, whose last bits differ."""

BITWISE: Final[Mapping[str, str]] = {
    "cpu": "in packs of any width from 2 on, side by side with any others, stopped and resumed, on "
    "processors of one kind, by one number of threads and of ranks",
    "gpu": "in full packs of one width, on one model of card, by one number of ranks",
    "otherwise": "to rounding, which training may amplify",
}
"""Where a trial of the same hyperparameters, seed and versions has the same numbers to the last
bit. It is stored with sweeps, and cannot change."""
