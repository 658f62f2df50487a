"""Figures as inline SVG; colours come from CSS variables, so light and dark both work."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from gensweep.report.trials import OUTCOMES

Point = tuple[float, float]


def tag(name: str, body: str = "", title: str = "", **attributes: object) -> str:
    """One element; underscores of attribute names become hyphens."""
    inside = (f"<title>{html.escape(title)}</title>" if title else "") + body
    pairs = (
        f' {k.rstrip("_").replace("_", "-")}="{html.escape(str(v))}"' for k, v in attributes.items()
    )
    return f"<{name}{''.join(pairs)}>{inside}</{name}>"


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return tag("text", html.escape(words), x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def figure(width: int, height: int, body: str, label: str) -> str:
    return tag(
        "div",
        tag(
            "svg",
            body,
            viewBox=f"0 0 {width} {height}",
            role="img",
            aria_label=label,
            style=f"min-width:{min(width, 560)}px",
        ),
        class_="fig",
    )


def stacked_bars(bins: Sequence[tuple[str, dict[str, int]]], label: str, axis: str) -> str:
    """Shares of outcomes per bin; the number of trials stands on top."""
    width, height, left = 680, 190, 40
    step = (width - left - 10) / max(len(bins), 1)
    body = "".join(text(left - 6, 150 - 120 * s + 4, f"{s:.0%}", "end") for s in (0, 0.5, 1))
    for i, (name, counts) in enumerate(bins):
        total, top, x = sum(counts.values()), 150.0, left + i * step
        body += text(x + step / 2, 166, name) + text(x + step / 2, 24, f"n={total}")
        for outcome in OUTCOMES:
            size = 120 * counts.get(outcome, 0) / total if total else 0
            top -= size
            if size:
                body += tag(
                    "rect",
                    title=f"{name}: {counts[outcome]} of {total} {outcome}",
                    x=f"{x + 3:.1f}",
                    y=f"{top:.1f}",
                    width=f"{step - 6:.1f}",
                    height=f"{size:.1f}",
                    class_=outcome,
                )
    return figure(width, height, body + text(width / 2, 186, axis), label)


class Axes:
    """A linear frame that places points and draws its ticks."""

    def __init__(self, points: Sequence[Point], names: tuple[str, str]):
        self.x, self.y = _range([p[0] for p in points]), _range([p[1] for p in points])
        self.names = names

    def place(self, point: Point) -> Point:
        across = (point[0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (point[1] - self.y[0]) / (self.y[1] - self.y[0])
        return 60 + 600 * across, 240 - 215 * up

    def draw(self, body: str, label: str) -> str:
        frame = tag("path", d="M60 25V240H660", class_="axis")
        for x in ticks(*self.x):
            frame += text(self.place((x, self.y[0]))[0], 256, f"{x:.6g}")
        for y in ticks(*self.y):
            frame += text(54, self.place((self.x[0], y))[1] + 4, f"{y:.6g}", "end")
        frame += text(360, 274, self.names[0]) + text(8, 14, self.names[1], "start")
        return figure(680, 280, frame + body, label)


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


def _range(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or abs(low) * 0.1 or 1.0
    return low - margin, high + margin


def line(axes: Axes, points: Sequence[Point], class_: str, title: str = "") -> str:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.place, points))
    return tag("polyline", title=title, points=at, class_=f"line {class_}")


def parallel(
    rows: Sequence[tuple[str, str, dict[str, float]]],
    names: Sequence[str],
    ends: Sequence[tuple[str, str]],
) -> str:
    """Parallel coordinates: (outcome, title, values scaled to [0, 1] by name) per trial."""
    step = 560 / max(len(names) - 1, 1)
    body = ""
    for outcome, title, values in rows:
        at = " ".join(
            f"{60 + i * step:.1f},{230 - 195 * values[n]:.1f}"
            for i, n in enumerate(names)
            if n in values
        )
        body += tag("polyline", title=title, points=at, class_=f"line thin {outcome}")
    for i, (name, (low, high)) in enumerate(zip(names, ends, strict=True)):
        x = 60 + i * step
        body += text(x, 246, low) + text(x, 33, high)
        body += tag("path", d=f"M{x:.1f} 35V230", class_="axis") + text(x, 18, name)
    return figure(680, 265, body, "Parallel coordinates of the searched hyperparameters")
