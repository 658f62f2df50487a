"""Stability maps over one and two hyperparameters: axes, cells, and what is drawn of them."""

import html
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser import photograph
from gensweep.objective import Objective
from gensweep.report import (
    MapAxis,
    StabilityMap,
    SweepFacts,
    build_report,
    space_axes,
    stability_map,
)
from gensweep.report._figures import stability_figures
from gensweep.report._map_axis import ChoiceAxis, NumberAxis
from gensweep.report._page import stability
from gensweep.report._stability_map import map_regions
from gensweep_models.space import Categorical, Integer, Real

SPACE = {
    "rate": Real(1e-4, 1.0, log=True),
    "beta": Real(-0.5, 0.9),
    "steps": Integer(1, 3),
    "size": Integer(0, 127),
    "wide": Integer(4, 128, log=True),
    "norm": Categorical(("batch", "<none>", "layer")),
    "sharp": Categorical((True, False)),
}
ENDS = ("converged", "diverged", "pruned", "converged", "unconverged")


def trials_of(count: int) -> list[dict[str, Any]]:
    """Trials all over the space: one in five of each end, two of those that converge."""
    return [
        {
            "number": n, "group": n, "images": 500, "cause": "", "metrics": {}, "curves": {},
            "state": "completed" if "converged" in end else end, "outcome": end,
            "params": {
                "rate": 10 ** (-4 * n / count), "beta": -0.5 + 1.4 * (n * 7 % count) / count,
                "steps": 1 + n % 3, "size": n % 128, "wide": 4 + n % 125,
                "norm": SPACE["norm"].choices[n % 3], "sharp": n % 2 == 0,  # type: ignore[attr-defined]
            },
        }
        for n, end in zip(range(count), itertools.cycle(ENDS))
    ]  # fmt: skip


def axes_of(*names: str, trials: int = 100, groups: int = 1) -> list[MapAxis]:
    return space_axes(names, SPACE, trials, groups)


def map_of(trials: Sequence[Any], *names: str, group_by: str | None = None) -> StabilityMap:
    found = stability_map(trials, "rate", group_by, axes_of(*names, trials=len(trials)))
    assert found is not None
    return found


def page_of(trials: Sequence[Any], *names: str) -> str:
    return build_report(
        SweepFacts(name="map"), trials, {}, objective=Objective.of("frechet"), map_axis="rate",
        map_axes=axes_of(*names, trials=len(trials)),
    )  # fmt: skip


def drawn(found: StabilityMap) -> str:
    ((_, figure),) = stability_figures(found)
    return figure


def test_cells_are_cut_as_the_space_has_it() -> None:
    rate, beta, size, wide = axes_of("rate", "beta", "size", "wide")
    assert isinstance(rate, NumberAxis)
    assert (rate.edges[0], rate.edges[-1]) == (1e-4, 1.0)
    ratios = [high / low for low, high in itertools.pairwise(rate.edges)]
    assert min(ratios) == pytest.approx(max(ratios), rel=1e-2)
    assert isinstance(beta, NumberAxis)
    widths = [high - low for low, high in itertools.pairwise(beta.edges)]
    assert min(widths) == pytest.approx(max(widths), rel=1e-2)
    for whole in (size, wide):
        ends = [whole.told(cell) for cell in range(len(whole.bounds) - 1)]
        assert all(type(end) is int for pair in ends for end in pair)  # type: ignore[attr-defined]
        for before, after in itertools.pairwise(ends):
            assert after[0] == before[1] + 1  # type: ignore[index]
    assert (size.told(0)[0], wide.told(0)[0]) == (0, 4)  # type: ignore[index]
    assert {axis.told(len(axis.bounds) - 2)[1] for axis in (size, wide)} == {127, 128}  # type: ignore[index]
    (steps,) = axes_of("steps")
    assert isinstance(steps, ChoiceAxis)
    assert [steps.words(cell) for cell in range(3)] == ["1", "2", "3"]


def test_a_narrow_range_has_rising_edges_and_ticks_within_it() -> None:
    (rate,) = space_axes(["rate"], {"rate": Real(0.011, 0.018, log=True)}, 100, 1)
    assert rate.ticks() == [(0, "0.011"), (1, "0.018")]
    (axis,) = space_axes(["ema"], {"ema": Real(0.99995, 0.99999)}, 100, 1)
    assert isinstance(axis, NumberAxis)
    assert (axis.edges[0], axis.edges[-1]) == (0.99995, 0.99999)
    assert list(axis.edges) == sorted({*axis.edges})
    assert axis.cell(0.99999) == len(axis.edges) - 2


@pytest.mark.parametrize("name", SPACE)
def test_every_value_has_a_place_within_its_cell(name: str) -> None:
    (axis,) = axes_of(name)
    for trial in trials_of(100):
        value = trial["params"][name]
        cell = axis.cell(value)
        assert cell is not None
        assert axis.bounds[cell] <= axis.place(value, trial["number"]) <= axis.bounds[cell + 1]
    assert all(-1e-9 <= at <= 1 + 1e-9 for at, _ in axis.ticks())
    assert (axis.bounds[0], axis.bounds[-1]) == pytest.approx((0, 1))


def test_truth_is_no_number() -> None:
    (sharp,) = axes_of("sharp")
    assert (sharp.cell(True), sharp.cell(False), sharp.cell(1)) == (0, 1, None)
    (steps,) = axes_of("steps")
    assert steps.cell(True) is None


def test_cells_are_the_coarser_the_fewer_trials_they_have() -> None:
    def cells(count: int, *names: str) -> list[int]:
        return [len(axis.bounds) - 1 for axis in axes_of(*names, trials=count)]

    assert [cells(count, "rate") for count in (4, 10, 100)] == [[3], [5], [8]]
    assert [cells(count, "rate", "beta") for count in (10, 100, 900)] == [[3, 3], [5, 5], [8, 8]]
    assert cells(72, "rate", "norm") == [6, 3]


def test_every_trial_is_counted_once_and_pruned_ones_are_unknown() -> None:
    trials = trials_of(100)
    told = map_of(trials, "rate", "beta").as_json()
    assert (told["over"], told["by"]) == (["rate", "beta"], None)
    total = Counter[str]()
    for cell in told["cells"]:
        total.update({name: cell[name] for name in ("converged", "ended", "unknown")})
        (low, high), (left, right) = cell["ranges"]["rate"], cell["ranges"]["beta"]
        inside = [t for t in trials if low <= t["params"]["rate"] <= high
                  and left <= t["params"]["beta"] <= right]  # fmt: skip
        assert cell["ended"] + cell["unknown"] <= len(inside)
    assert total == {"converged": 40, "ended": 80, "unknown": 20}
    assert told["elsewhere"] == {"all trials": 0}


def test_an_axis_of_the_groups_puts_them_together() -> None:
    trials = trials_of(60)
    assert [*map_of(trials, "rate", group_by="norm").groups] == ["<none>", "batch", "layer"]
    both = map_of(trials, "rate", "norm", group_by="norm")
    assert [*both.groups] == ["all trials"]
    section = stability(trials, "rate", "norm", axes_of("rate", "norm"))  # type: ignore[arg-type]
    assert section["stable_regions"].head == ["norm", "stable rate"]
    assert [row[0] for row in section["stable_regions"].rows] == ["<none>", "batch", "layer"]


def test_trials_without_a_value_are_left_out_and_told() -> None:
    trials = trials_of(30)
    for trial in trials[:4]:
        del trial["params"]["beta"]
    found = map_of(trials, "beta", "norm")
    assert found.as_json()["elsewhere"] == {"all trials": 4}
    assert found.left_out() == "Left out: 4 of 30 trials, without a place along beta or norm."
    assert map_of(trials, "rate", "norm").left_out() == ""


def test_a_plane_shows_each_trial_and_what_its_cell_counts() -> None:
    page = page_of(trials_of(40), "rate", "norm")
    section = page.partition("<h2>Stability map</h2>")[2].partition("</section>")[0]
    marks = re.findall(r'class="(trial dot converged|trial ring|cross)"><title>trial', section)
    assert Counter(marks) == {"trial dot converged": 16, "trial ring": 8, "cross": 16}
    cells = re.findall(r'<rect[^>]*class="cell"[^>]*><title>([^<]*)</title>', section)
    told = [re.search(r": (\d+) of (\d+) converged", html.unescape(title)) for title in cells]
    assert sum(int(one[1]) for one in told if one) == 16
    assert sum(int(one[2]) for one in told if one) == 32
    assert any("pruned are unknown" in title for title in cells)
    assert 'class="count">' in section
    assert "&lt;none&gt;" in section
    assert "<none>" not in section
    assert "did not converge</text>" in section


def test_bars_over_choices_are_named_by_them() -> None:
    bars = drawn(map_of(trials_of(30), "sharp"))
    assert ">True</text>" in bars
    assert ">sharp</text>" in bars
    assert "beta (bin from)" in drawn(map_of(trials_of(30), "beta"))


def test_the_table_bounds_the_rate_where_trials_were_pruned() -> None:
    table = map_of(trials_of(40), "sharp", "norm").table()
    counts = ["converged", "ended", "unknown", "rate"]
    failures = ["unconverged", "collapsed", "diverged", "other"]
    assert table.head == ["stratum", "sharp", "norm", *counts, *failures]
    assert len(table.rows) == 6
    for row in table.rows:
        good, ended, unknown = (int(str(cell)) for cell in row[3:6])
        assert sum(int(str(cell)) for cell in row[7:]) == ended - good
        bounds = (good / (ended + unknown), (good + unknown) / (ended + unknown))
        assert row[6] == " to ".join(f"{b:.0%}" for b in bounds[: 1 + bool(unknown)])


def test_regions_are_told_along_each_number() -> None:
    trials = trials_of(40)
    table = map_regions({"all": trials}, ["rate", "norm", "beta"], None)  # type: ignore[dict-item]
    assert table is not None
    assert table.head == ["stratum", "stable rate", "stable beta"]
    assert map_regions({"all": trials}, ["norm"], None) is None  # type: ignore[dict-item]


@pytest.mark.stack
def test_a_browser_shows_the_plane(page: Page, tmp_path: Path) -> None:
    (tmp_path / "map.html").write_text(page_of(trials_of(80), "rate", "norm"), encoding="utf-8")
    photograph(page, tmp_path / "map.html", "stability-map")
    cross = page.locator(".cross[data-trial]").first  # of a trial that did not converge
    number = cross.get_attribute("data-trial")
    cross.hover(force=True)
    expect(cross).to_have_class("cross lit")
    lit = page.locator(".lit").evaluate_all("all => all.map(one => one.dataset.trial)")
    assert len(lit) > 1
    assert {*lit} == {number}
    page.locator("h1").hover()
    expect(page.locator(".lit")).to_have_count(0)
