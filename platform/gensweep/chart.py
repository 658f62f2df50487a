"""Figures that a sweep's script adds to its report, as data: the report draws them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gensweep.trial import TrialView


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Lines in a plane, each with its name in the legend."""

    title: str
    names: tuple[str, str]
    """Of the horizontal and of the vertical axis, with units."""

    lines: Mapping[str, Sequence[tuple[float, float]]]
    """Points that a line goes through, by its name; those that are not finite are left out.

    The vertical axis is logarithmic where values span decades, unless the chart is `square`.
    """

    caption: str = ""
    square: bool = False
    """One scale for both axes, as paths in a plane need it; such charts stand side by side."""


Figure = Callable[[Sequence[TrialView]], Iterable[Chart]]
"""Makes charts of the trials that have ended."""
