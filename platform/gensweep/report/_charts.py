"""Draws the charts that a sweep's script adds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gensweep.chart import Chart
from gensweep.decades import spans_decades
from gensweep.report._svg import Axes, Point, SquareAxes
from gensweep.report._table import Table

COLOURS = 6
"""Classes line0, line1 and so on of the style sheet; more lines begin again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnChart:
    """A chart as the page shows it."""

    title: str
    caption: str
    figure: Markup
    legend: Sequence[tuple[str, str]]
    """Class of the colour and name of each line."""

    square: bool


def draw_charts(charts: Iterable[Chart]) -> list[DrawnChart]:
    """Draw those charts that have a point to show."""
    return [drawn for chart in charts if (drawn := _draw(chart)) is not None]


def chart_table(chart: Chart) -> Table:
    """List the points of a chart's lines that it shows."""
    rows = [[name, *point] for name, points in chart.lines.items() for point in _finite(points)]
    return Table(["line", *chart.names], rows)


def _draw(chart: Chart) -> DrawnChart | None:
    lines = {name: _finite(points) for name, points in chart.lines.items()}
    every = [point for points in lines.values() for point in points]
    if not every:
        return None
    legend = [(f"line{number % COLOURS}", name) for number, name in enumerate(lines)]
    log = spans_decades([value for _, value in every])
    axes = (SquareAxes(every, chart.names) if chart.square
            else Axes(every, chart.names, log=(False, log)))  # fmt: skip
    parts = [axes.line(lines[name], class_, name) for class_, name in legend]
    return DrawnChart(title=chart.title, caption=chart.caption, square=chart.square, legend=legend,
                      figure=axes.draw(parts, chart.title))  # fmt: skip


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if all(map(math.isfinite, point))]
