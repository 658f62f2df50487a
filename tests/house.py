"""Draw the house: the platform's packages by process, and the imports between them.

    python tests/house.py

writes tests/house.svg, the picture of CONTRIBUTING.md. Everything in it is read from the code: a
package's process from the line `Runs in:` of its docstring, its summary, its lines and its imports.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from house_code import (
    GROUND,
    MODELS,
    PROCESSES,
    SHARED,
    Package,
    boxes,
    drawn,
    lines_of,
    read_house,
)

PICTURE = Path(__file__).with_suffix(".svg")

TOP_ROW = -0.14
PLACES = {
    "cli": (0, TOP_ROW), "cluster": (0, 2), "stack": (0, 3),
    "coordinator": (1, 1), "study": (1, 2), "tracking": (1, 3),
    "sweep": (2, TOP_ROW), "driver": (2, 1), "planning": (2, 2), "results": (2, 3),
    "report": (2, 4),
    "worker": (3.45, 1), "evaluation": (3, 2), "profiling": (3.9, 2),
    "metrics": (3, 3), "lanes": (3.9, 3), "testing": (3, 4),
    "storage": (2, 5.2), "data": (3, 5.2), "spec": (3.9, 5.2),
}  # fmt: skip
"""Column and row of each box."""

DETOURS = {
    ("planning", "cluster"): (1, "right"),
    ("planning", "profiling"): (1, "top"),
}
"""Arrows that go around boxes, the row that they pass below, and the side where they end."""

# Pixels: a box, from one column or row to the next, the first box, the picture.
BOX_W, BOX_H, COLUMN, ROW, LEFT, TOP = 176, 108, 250, 146, 34, 74
WIDTH, HEIGHT = 1220, 974
PAD = 16
STYLE = """
text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933 }
.page { fill: #ffffff }
.head { font-size: 14px; font-weight: 600 }
.name { font-size: 15px; font-weight: 600 }
.says { font-size: 11.5px; fill: #3e4c59 }
.note { font-size: 11px; fill: #616e7c }
.zone { stroke-width: 1; stroke-dasharray: 5 4; fill-opacity: .45 }
.box { fill: #ffffff; stroke-width: 1.4 }
.models { stroke: #888888; stroke-dasharray: 3 3 }
.line { fill: none; stroke-width: 1.5 }
.call { fill: none; stroke: #616e7c; stroke-width: 1.4; stroke-dasharray: 2 4 }
.tip-call { fill: #616e7c }
"""
DARK = """
text { fill: #e4e7eb }
.page { fill: #0d1117 }
.says { fill: #cbd2d9 }
.note { fill: #9aa5b1 }
.zone { fill-opacity: .35 }
.box { fill: #161b22 }
.call { stroke: #9aa5b1 }
.tip-call { fill: #9aa5b1 }
"""
HUES = {
    "own": ("#8a6d1d", "#f7efd8", "#d9b95a", "#3a3115"),
    "actor": ("#a3385f", "#fae6ee", "#ee8fb1", "#43202f"),
    "script": ("#2563a8", "#e3eefa", "#79b1f0", "#1a2f49"),
    "pack": ("#1f7a52", "#e0f3ea", "#62c797", "#163828"),
    "shared": ("#5d5f72", "#eeeef3", "#a7a9bd", "#2a2b35"),
}
"""Line and ground of each process, on a light page and on a dark one."""


def style() -> str:
    """Write the style sheet for both kinds of page."""

    def hues(line: int) -> str:
        return "".join(
            f".{name}.zone {{ fill: {h[line + 1]}; stroke: {h[line]} }}\n"
            f".{name}.box, .{name}.line {{ stroke: {h[line]} }}\n"
            f".tip-{name} {{ fill: {h[line]} }}\n"
            for name, h in HUES.items()
        )

    dark = DARK + hues(2)
    return f"<style>{STYLE}{hues(0)}@media (prefers-color-scheme: dark) {{{dark}}}\n</style>"


def corner(name: str) -> tuple[float, float]:
    """The upper left corner of a box."""
    column, row = PLACES[name]
    return LEFT + column * COLUMN, TOP + row * ROW


def gutter(row: float) -> float:
    """The middle between a row of boxes and the next."""
    return TOP + row * ROW + (BOX_H + ROW) / 2


def wrap(text: str, width: int, most: int) -> list[str]:
    """Break a text into lines of `width` characters; what is over `most` lines becomes dots."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > most:
        return [*lines[: most - 1], lines[most - 1].rstrip(" ,:;") + " …"]
    return lines


def draw_text(kind: str, x: float, y: float, text: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{more}>{escape(text, quote=False)}</text>'


def draw_frame(name: str, kind: str, at: tuple[float, float], size: tuple[float, float],
               lines: int) -> list[str]:  # fmt: skip
    """A box with a name and a number of lines; the caller fills it, and closes its group."""
    (x, y), (w, h) = at, size
    return [
        f'<g id="{name.replace(" ", "-")}" data-lines="{lines}">',
        f'<rect class="{kind} box" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="7"/>',
        draw_text("name", x + 11, y + 22, "sweep.py" if name == "sweep" else name),
        draw_text("note", x + w - 11, y + 22, f"{lines:,}", ' text-anchor="end"'),
    ]


def draw_lines(at: tuple[float, float], lines: list[str]) -> list[str]:
    """The text of a box, under its name."""
    x, y = at
    return [draw_text("says", x + 11, y + 41 + 15 * n, line) for n, line in enumerate(lines)]


def draw_box(package: Package, house: Mapping[str, Package], lines: int) -> str:
    """A package: its name, its lines, what it does, and what it uses of the shared ones."""
    x, y = corner(package.name)
    shared = {name for name in package.imports if house[name].process == SHARED}
    used = sorted(shared) if package.process != SHARED else []
    listed = ", ".join(sorted(package.imports)) or "nothing of ours"
    summary = package.summary.replace("`", "")
    parts = [
        *draw_frame(package.name, PROCESSES[package.process][0], (x, y), (BOX_W, BOX_H), lines),
        f"<title>{package.name} imports {listed}</title>",
        *draw_lines((x, y), wrap(summary, 25, 3 if used else 4)),
    ]
    if used:
        parts.append(draw_text("note", x + 11, y + BOX_H - 9, f"uses {', '.join(used)}"))
    return "\n".join([*parts, "</g>"])


def draw_zone(process: str, house: Mapping[str, Package]) -> str:
    """The frame of a process around its boxes, and its heading."""
    kind, heading = PROCESSES[process]
    corners = [corner(name) for name, package in boxes(house).items() if package.process == process]
    x, y = min(x for x, _ in corners) - PAD, min(y for _, y in corners) - PAD - 20
    if process == SHARED:
        x = LEFT - PAD
    w = max(x for x, _ in corners) + BOX_W + PAD - x
    h = max(y for _, y in corners) + BOX_H + PAD - y
    return (
        f'<rect class="{kind} zone" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="11"/>\n'
        + draw_text("head", x + PAD, y + 24, heading)
    )


Point = tuple[float, float]


@dataclass(frozen=True)
class Arrow:
    """An arrow from one side of a box to one side of another, below a row if it goes around."""

    start: str
    end: str
    sides: tuple[str, str]
    detour: float | None = None

    @classmethod
    def between(cls, start: str, end: str) -> "Arrow":
        """Choose the sides that face each other."""
        (a, above), (b, below) = PLACES[start], PLACES[end]
        if (start, end) in DETOURS:
            row, side = DETOURS[start, end]
            return cls(start, end, ("right" if a < b else "left", side), row)
        if below < above and abs(a - b) < 1:
            return cls(start, end, ("top", "bottom"))
        if int(a) == int(b) and round(below - above) == 1:
            return cls(start, end, ("bottom", "top"))
        if a == b:
            side = "right" if a == 2 else "left"
            return cls(start, end, (side, side))
        return cls(start, end, ("right", "left") if a < b else ("left", "right"))


def ports(lines: list[Arrow]) -> dict[tuple[Arrow, int], Point]:
    """Spread the ends of arrows along the sides of their boxes, in an order that crosses little."""
    found = {}
    sides: dict[tuple[str, str], list[tuple[Arrow, int]]] = {}
    for line in lines:
        for which, name in enumerate((line.start, line.end)):
            sides.setdefault((name, line.sides[which]), []).append((line, which))
    for (name, side), ends in sides.items():
        axis = 0 if side in ("top", "bottom") else 1
        ends.sort(key=lambda end: order(end, axis))
        x, y = corner(name)
        for number, end in enumerate(ends, start=1):
            share = number / (len(ends) + 1)
            across, down = x + BOX_W * share, y + BOX_H * share
            found[end] = {
                "left": (x, down), "right": (x + BOX_W, down),
                "top": (across, y), "bottom": (across, y + BOX_H),
            }[side]  # fmt: skip
    return found


def order(end: tuple[Arrow, int], axis: int) -> tuple[float, float, str]:
    """Sort the ends at one side by where the arrow goes to, or comes from."""
    line, which = end
    other = line.start if which else line.end
    place = corner(other)
    if line.detour is not None and axis == 1:
        return gutter(line.detour) - BOX_H / 2, place[0], other
    return place[axis], place[1 - axis], other


def curve(start: Point, end: Point, *, upright: bool = False) -> str:
    """Go on from `start` to `end`, leaving and arriving level, or upright."""
    (x1, y1), (x2, y2) = start, end
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    if upright:
        return f"C{x1:g} {y:g} {x2:g} {y:g} {x2:g} {y2:g}"
    return f"C{x:g} {y1:g} {x:g} {y2:g} {x2:g} {y2:g}"


def detour(line: Arrow, row: float, start: Point, end: Point) -> str:
    """Turn into the gutter below a row, follow it, and turn to the end of the arrow."""
    y, turn = gutter(row), 46 if start[0] < end[0] else -46
    way = curve(start, (start[0] + turn, y))
    if line.sides[1] == "top":
        return f"{way}L{end[0] - 20:g} {y:g}Q{end[0]:g} {y:g} {end[0]:g} {end[1]:g}"
    off = (end[0] - turn, y)
    return f"{way}L{off[0]:g} {y:g}{curve(off, end)}"


def path(line: Arrow, start: Point, end: Point) -> str:
    """Draw an arrow so that it leaves and enters its boxes at right angles."""
    begin = f"M{start[0]:g} {start[1]:g}"
    if line.detour is not None:
        return begin + detour(line, line.detour, start, end)
    if line.sides[0] == line.sides[1]:
        out = start[0] + (18 if line.sides[0] == "right" else -18)
        return f"{begin}C{out:g} {start[1] + 20:g} {out:g} {end[1] - 20:g} {end[0]:g} {end[1]:g}"
    return begin + curve(start, end, upright=line.sides[0] in ("bottom", "top"))


def draw_arrows(house: Mapping[str, Package]) -> Iterator[str]:
    """Every arrow to draw, in the colour of the process where it begins."""
    lines = [Arrow.between(a, b) for a, b in sorted(drawn(house))]
    found = ports(lines)
    for line in lines:
        kind = PROCESSES[house[line.start].process][0]
        way = path(line, found[line, 0], found[line, 1])
        yield (
            f'<path class="{kind} line" d="{way}" '
            f'marker-end="url(#tip-{kind})"><title>{line.start} imports {line.end}</title></path>'
        )


def draw_calls() -> str:
    """What joins the processes while they run: a pack's calls to the coordinator."""
    (x1, y1), (x2, y2) = corner("worker"), corner("coordinator")
    y = y1 - PAD - 32
    x1, x2 = x1 + BOX_W * 0.7, x2 + BOX_W * 0.5
    return (
        f'<path class="call" d="M{x1:g} {y1:g}V{y + 10:g}Q{x1:g} {y:g} {x1 - 10:g} {y:g}'
        f'H{x2 + 10:g}Q{x2:g} {y:g} {x2:g} {y + 10:g}V{y2:g}" marker-end="url(#tip-call)"/>\n'
        + draw_text("note", corner("evaluation")[0] - PAD, y - 7, "Ray calls: leases, reports")
    )


def draw_ground(house: Mapping[str, Package], lines: int) -> str:
    """The files that any package may import."""
    names = [f"{name}.py" for name, package in house.items() if not package.process]
    x, y = LEFT, corner("storage")[1]
    size = corner("storage")[0] - (COLUMN - BOX_W) - x, BOX_H
    said = wrap(", ".join(names), 66, 5)
    frame = draw_frame(GROUND, PROCESSES[SHARED][0], (x, y), size, lines)
    return "\n".join([*frame, *draw_lines((x, y), said), "</g>"])


def draw_models(lines: int) -> str:
    """The models, which no package imports."""
    x, y = corner("profiling")[0] - 32, TOP + 4 * ROW + 12
    says = "The models, which import torch alone. The platform finds them by entry point."
    frame = draw_frame(MODELS.name, "models", (x, y), (BOX_W * 1.2, BOX_H - 24), lines)
    return "\n".join([*frame, *draw_lines((x, y), wrap(says, 32, 3)), "</g>"])


LEGEND = (
    "An arrow is an import. One that follows from others",
    "between the same two processes is left out: where the",
    "picture is opened alone, a box's tooltip has them all.",
    "“uses” are imports of what every process has. Numbers",
    "are lines. Drawn from the code by tests/house.py.",
)


def render(house: Mapping[str, Package], lines: Mapping[str, int]) -> str:
    """Draw the house as a text of SVG, the same for the same code and numbers of lines."""
    tips = "".join(
        f'<marker id="tip-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path class="tip-{kind}" d="M0 0 10 5 0 10z"/></marker>\n'
        for kind in (*HUES, "call")
    )
    legend_y = TOP + 4 * ROW + 12
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>The packages of gensweep, by the process they run in</title>",
        style(),
        f"<defs>\n{tips}</defs>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
        *(draw_zone(process, house) for process in PROCESSES),
        draw_calls(),
        *draw_arrows(house),
        *(draw_box(package, house, lines[name]) for name, package in boxes(house).items()),
        draw_ground(house, lines[GROUND]),
        draw_models(lines[MODELS.name]),
        *(draw_text("note", LEFT, legend_y + 17 * n, line) for n, line in enumerate(LEGEND)),
        "</svg>\n",
    ])  # fmt: skip


def drawn_lines(picture: str) -> dict[str, int]:
    """Read the numbers of lines that a picture shows, by box."""
    found = re.findall(r'<g id="([^"]+)" data-lines="(\d+)">', picture)
    return {name.replace("ground-files", GROUND): int(lines) for name, lines in found}


def slack(lines: int) -> float:
    """By how much a package of so many lines may change before the picture is out of date."""
    return 50 + lines / 10


def main() -> None:
    argparse.ArgumentParser(description="Draw tests/house.svg from the code.").parse_args()
    house = read_house()
    PICTURE.write_text(render(house, lines_of(house)))
    print(PICTURE)


if __name__ == "__main__":
    main()
