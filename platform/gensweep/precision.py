"""The formats in which a pack may multiply, and the lanes from which on last bits agree."""

from typing import Literal, get_args

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

FEWEST = 2
"""Least lanes of a computation: one alone takes other kernels, whose last bits differ."""
