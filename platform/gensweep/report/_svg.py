"""Figures as inline SVG; colours come from CSS variables, so light and dark both work."""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from gensweep.trial import Outcome

Point = tuple[float, float]


def element(name: str, body: str = "", title: str = "", **attributes: object) -> Markup:
    """Return one element; a `body` that is no Markup, the title and all attributes are escaped.

    Underscores of attribute names become hyphens, and one at the end is left out.

    >>> element("text", "a < b", class_="axis", text_anchor="end")
    Markup('<text class="axis" text-anchor="end">a &lt; b</text>')
    """
    hint = f"<title>{escape(title)}</title>" if title else ""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{pairs}>{hint}{escape(body)}</{name}>")


def text(x: float, y: float, words: str, anchor: str = "middle") -> Markup:
    """Return `words` at a point; `anchor` says which end of them stands there."""
    return element("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def figure(width: int, height: int, parts: Sequence[Markup], label: str) -> Markup:
    """Return a drawing of `width` by `height` units that scales with the page.

    `label` is what a screen reader says.
    """
    drawing = element(
        "svg",
        Markup("").join(parts),
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=label,
        style=f"min-width:{min(width, 560)}px",
    )
    return element("div", drawing, class_="fig")


def _bar_order(outcome: Outcome) -> int:
    """Place an outcome in a bar, from the bottom: what converged, and what may have."""
    bounds = (Outcome.CONVERGED, Outcome.PRUNED)
    return bounds.index(outcome) if outcome in bounds else len(bounds)


def stacked_bars(bins: Sequence[tuple[str, dict[str, int]]], label: str, axis: str) -> Markup:
    """Draw the shares of outcomes per bin; the number of trials stands on top.

    A bin is its name and the count of each outcome. Pruned trials lie on the converged ones, so
    that the two tops bound the rate.
    """
    width, height, left = 680, 190, 40
    step = (width - left - 10) / max(len(bins), 1)
    parts = [text(left - 6, 150 - 120 * s + 4, f"{s:.0%}", "end") for s in (0, 0.5, 1)]
    for i, (name, counts) in enumerate(bins):
        total, top, x = sum(counts.values()), 150.0, left + i * step
        parts += [text(x + step / 2, 166, name), text(x + step / 2, 24, f"n={total}")]
        for outcome in sorted(Outcome, key=_bar_order):
            size = 120 * counts.get(outcome, 0) / total if total else 0
            top -= size
            if size:
                parts.append(
                    element(
                        "rect",
                        title=f"{name}: {counts[outcome]} of {total} {outcome}",
                        x=f"{x + 3:.1f}",
                        y=f"{top:.1f}",
                        width=f"{step - 6:.1f}",
                        height=f"{size:.1f}",
                        class_=outcome,
                    )
                )
    return figure(width, height, [*parts, text(width / 2, 186, axis)], label)


class Axes:
    """A frame of 600 by 215 units that places points and draws its ticks.

    An axis is linear, or logarithmic where `log` says so of x and y: its values are positive.
    """

    width, height = 600, 215

    def __init__(
        self,
        points: Sequence[Point],
        names: tuple[str, str],
        x: Point | None = None,
        log: tuple[bool, bool] = (False, False),
    ):
        """Span `points` with some margin; `x` sets the ends of the horizontal axis instead."""
        self.log = log
        self.x = x or _range([p[0] for p in points], log[0])
        self.y = _range([p[1] for p in points], log[1])
        self.names = names
        self._counts = all(float(x).is_integer() for x, _ in points)

    def place(self, point: Point) -> Point:
        """Return where in the drawing a point of the data stands."""
        across = share(point[0], self.x, self.log[0])
        up = share(point[1], self.y, self.log[1])
        return 60 + self.width * across, 25 + self.height * (1 - up)

    def path(self, points: Sequence[Point]) -> str:
        """Return the points as SVG writes them in an attribute."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.place, points))

    def line(self, points: Sequence[Point], class_: str, title: str = "") -> Markup:
        """Draw a line through the points."""
        return element("polyline", title=title, points=self.path(points), class_=f"line {class_}")

    def _x_ticks(self) -> list[float]:
        """Round numbers along x: whole ones, if all points are at such."""
        found = (log_ticks if self.log[0] else ticks)(*self.x)
        return [x for x in found if not self._counts or float(x).is_integer()]

    def draw(self, parts: Sequence[Markup], label: str) -> Markup:
        """Return the figure: the frame with its ticks and names, and `parts` within."""
        right, floor = 60 + self.width, 25 + self.height
        frame = [element("path", d=f"M60 25V{floor}H{right}", class_="axis")]
        for x in self._x_ticks():
            frame.append(text(self.place((x, self.y[0]))[0], floor + 16, f"{x:.6g}"))
        for y in (log_ticks if self.log[1] else ticks)(*self.y):
            frame.append(text(54, self.place((self.x[0], y))[1] + 4, f"{y:.6g}", "end"))
        frame += [text(60 + self.width / 2, floor + 34, self.names[0]),
                  text(8, 14, self.names[1], "start")]  # fmt: skip
        return figure(right + 20, floor + 40, [*frame, *parts], label)


class SquareAxes(Axes):
    """A frame of 250 by 250 units with one scale for both axes."""

    width, height = 250, 250

    def __init__(self, points: Sequence[Point], names: tuple[str, str]):
        """Span `points` with some margin, the shorter side about its middle."""
        super().__init__(points, names)
        half = max(self.x[1] - self.x[0], self.y[1] - self.y[0]) / 2
        self.x, self.y = ((sum(ends) / 2 - half, sum(ends) / 2 + half) for ends in (self.x, self.y))


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten.

    >>> ticks(-0.03, 1.01)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    >>> ticks(1, 10)
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= (high - low) / 5.5)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Two to eight round numbers from `low` to `high`: powers of ten, with others if they are few.

    >>> log_ticks(0.5, 20), log_ticks(12, 1200)
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])
    >>> log_ticks(1e-9, 1.0)
    [1e-09, 1e-07, 1e-05, 0.001, 0.1]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, round((last - first) / 6))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    every = [m * 10.0**power for power in range(first, last + 1, step) for m in steps]
    return [float(f"{value:.6g}") for value in every if low * 0.999 <= value <= high * 1.001]


def share(value: float, ends: Point, log: bool) -> float:
    """Return where between the ends a value lies, from 0 to 1."""
    if log:
        value, ends = math.log(value), (math.log(ends[0]), math.log(ends[1]))
    return (value - ends[0]) / (ends[1] - ends[0])


def _range(values: Sequence[float], log: bool = False) -> Point:
    if log:
        low, high = _range([math.log(value) for value in values])
        return math.exp(low), math.exp(high)
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or abs(low) * 0.1 or 1.0
    return low - margin, high + margin


def parallel_axes(
    rows: Sequence[tuple[str, str, dict[str, float]]],
    names: Sequence[str],
    ends: Sequence[tuple[str, str]],
) -> Markup:
    """Draw one vertical axis per name and one line per row across them.

    A row is its outcome, its title and its values by name, scaled to [0, 1]; `ends` labels the
    bottom and the top of each axis.
    """
    step = 560 / max(len(names) - 1, 1)
    parts = []
    for outcome, title, values in rows:
        at = " ".join(
            f"{60 + i * step:.1f},{230 - 195 * values[n]:.1f}"
            for i, n in enumerate(names)
            if n in values
        )
        parts.append(element("polyline", title=title, points=at, class_=f"line thin {outcome}"))
    for i, (name, (low, high)) in enumerate(zip(names, ends, strict=True)):
        x = 60 + i * step
        parts += [text(x, 246, low), text(x, 33, high)]
        parts += [element("path", d=f"M{x:.1f} 35V230", class_="axis"), text(x, 18, name)]
    return figure(680, 265, parts, "Parallel coordinates of the searched hyperparameters")
