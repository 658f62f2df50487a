"""The picture of CONTRIBUTING.md is that of the code: every package and every import is in it."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from house import (
    BOX_H,
    BOX_W,
    HEIGHT,
    PICTURE,
    PLACES,
    WIDTH,
    corner,
    drawn_lines,
    render,
    slack,
)
from house_code import (
    PROCESSES,
    SHARED,
    SOURCES,
    arrows,
    boxes,
    drawn,
    lines_of,
    reachable,
    read_house,
)

HOUSE = read_house()
TEXT = PICTURE.read_text()
SVG = "{http://www.w3.org/2000/svg}"
CURE = "run `python tests/house.py` and commit tests/house.svg."


def titles(tag: str) -> list[str]:
    found = ElementTree.fromstring(TEXT).iter(f"{SVG}{tag}")
    return [title.text or "" for one in found for title in one.findall(f"{SVG}title")]


@pytest.mark.parametrize("name", sorted(f.parent.name for f in SOURCES.glob("*/__init__.py")))
def test_every_package_says_where_it_runs(name: str) -> None:
    known = "; ".join(PROCESSES)
    assert HOUSE[name].process, f"{name}: its docstring needs a line `Runs in: `, of: {known}."
    assert name in PLACES, f"{name} has no place in the picture: give it one in tests/house.py."


def test_every_box_and_all_that_it_imports_is_in_the_picture() -> None:
    told = dict(title.split(" imports ") for title in titles("g"))
    assert told == {
        name: ", ".join(sorted(package.imports)) or "nothing of ours"
        for name, package in boxes(HOUSE).items()
    }, CURE


def test_every_arrow_of_the_code_follows_from_those_in_the_picture() -> None:
    """And none is in the picture that isn't in the code, or that the reader could do without."""
    seen = {tuple(title.split(" imports ")) for title in titles("path")}
    assert seen == drawn(HOUSE), CURE
    assert seen <= arrows(HOUSE)
    for start, end in arrows(HOUSE):
        shared = HOUSE[end].process == SHARED != HOUSE[start].process
        assert shared or end in reachable(start, drawn(HOUSE))
        others = drawn(HOUSE) - {(start, end)}
        near = {HOUSE[start].process, HOUSE[end].process}
        others = {(a, b) for a, b in others if {HOUSE[a].process, HOUSE[b].process} <= near}
        assert (start, end) not in drawn(HOUSE) or end not in reachable(start, others)


def test_the_picture_is_that_of_the_code() -> None:
    """Numbers of lines may lag a little behind, so that not every commit draws it anew."""
    shown, now = drawn_lines(TEXT), lines_of(HOUSE)
    assert shown.keys() == now.keys(), CURE
    late = {name: (shown[name], n) for name, n in now.items() if abs(shown[name] - n) > slack(n)}
    assert late == {}, CURE
    assert render(HOUSE, shown) == TEXT, CURE


def test_boxes_are_apart_and_within_the_picture() -> None:
    for name in PLACES:
        x, y = corner(name)
        assert 0 < x < WIDTH - BOX_W
        assert 0 < y < HEIGHT - BOX_H
    for a, b in combinations(PLACES, 2):
        (x1, y1), (x2, y2) = corner(a), corner(b)
        assert abs(x1 - x2) > BOX_W or abs(y1 - y2) > BOX_H, (a, b)


def test_the_picture_asks_for_nothing_from_elsewhere() -> None:
    assert re.findall(r"href|@import|@font-face|<script|url\((?!#)", TEXT) == []
    assert re.findall(r"https?://[^\"]+", TEXT) == ["http://www.w3.org/2000/svg"]
