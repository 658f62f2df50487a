"""The report: its statistics, its parts, and how a real browser takes it."""

import base64
import itertools
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from browser import PICTURES, photograph
from gensweep.errors import UserError
from gensweep.evaluation import grid_png
from gensweep.metric import VERDICT
from gensweep.metrics._verdict import ADDED_BOUNDS, CLASS_BOUNDS, IMAGE_BOUNDS, POINT_BOUNDS
from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report, log_bins, text_table
from gensweep.report._training_curves import MOST_OF_AN_OUTCOME, training_curves
from gensweep.report._words import outcome_rules

FRECHET = Objective(metric="frechet")
A4 = 703
"""Pixels between the margins of a page of paper."""
HOSTILE = "</title><script>document.body.dataset.ran=1</script>"


def records() -> list[dict[str, Any]]:
    draw, trials = random.Random(0), []
    for number, objective in itertools.product(range(20), ("<hinge>", "wgan")):
        rate = 10 ** draw.uniform(-5, -2)
        ends = "diverged" if rate > 4e-3 else "collapsed" if rate < 3e-5 else "converged"
        found = (
            {}
            if ends == "diverged"
            else {"frechet": 10 + abs(math.log10(rate / 3e-4)) * 30, "coverage": 0.7}
        )
        curve = [[t, 40 / t, 0.3 * t] for t in (0.5, 1.0, 2.0)]
        trials.append({
            "number": len(trials), "group": len(trials),
            "state": "completed" if ends == "converged" else ends, "images": 500,
            "outcome": ends, "cause": "loss is nan at step 7" if not found else "",
            "params": {"objective": objective, "learning_rate": rate, "latent_size": number + 1},
            "metrics": found, "curves": {"psi": curve} if found else {},
        })  # fmt: skip
    return trials


def page_of(
    trials: list[dict[str, Any]],
    facts: SweepFacts | None = None,
    images: dict[str, bytes] | None = None,
    objective: Objective = FRECHET,
    **more: Any,
) -> str:
    return build_report(
        facts or SweepFacts(), trials, images or {}, objective=objective,
        map_axis="learning_rate", **more,
    )  # fmt: skip


def report(trials: list[dict[str, Any]] | None = None) -> str:
    trials = trials or records()
    images = {str(t["number"]): grid_png(torch.rand(16, 1, 8, 8) * 2 - 1) for t in trials}
    images["real"] = grid_png(torch.zeros(16, 1, 8, 8))
    facts = SweepFacts(
        name=f"stability {HOSTILE}", protocol={"k": 5}, seed=3, next_command="next-line",
        lookup={"Hyperparameters": {"learning_rate": "step size of Adam", "untold": ""}},
    )  # fmt: skip
    return page_of(
        trials,
        facts,
        images,
        group_by="objective",
        scatter_of=("coverage", "frechet", "latent_size"),
    )


def test_log_bins_need_positive_values() -> None:
    assert len(log_bins([1e-3], 4)) == 5
    with pytest.raises(UserError):
        log_bins([0.0, 1.0])


def test_report_counts_escapes_and_is_self_contained() -> None:
    page, trials = report(), records()
    good = sum(t["outcome"] == "converged" for t in trials)
    assert f"{good} of 40 trials converged" in page
    assert "<hinge>" not in page
    assert page.index('alt="real data"') < page.index('alt="trial ')
    assert "&lt;hinge&gt;" in page
    assert not re.search(r"(?:src|href)=.?(?:https?:)?//", page)
    assert '<a href="#lookup">' in page
    folded = page.partition('<div id="lookup">')[2].partition("</details>")[0]
    names = re.findall(r"<dt><code>(.*?)</code>", folded)
    assert names == ["coverage (more is better)", "frechet (less is better)", "learning_rate"]
    assert "with a sample nearer than their k-th neighbour; arXiv:2002.09797" in folded
    assert "step size of Adam" in folded
    bars = [int(n) for n in re.findall(r"<rect[^>]*><title>[^:]*: (\d+) of", page)]
    assert sum(bars) == 40


def test_lineages_are_drawn_as_schedules_with_their_copies() -> None:
    trials = records()
    copied = {"learning_rate": 0.5, "latent_size": 3}
    trials[4] |= {"lineage": [{"images": 250, "from": 7, "params": copied}]}
    page = page_of(trials)
    assert page.count(" took over trial ") == 1
    assert "<title>trial 4 took over trial 7</title>" in page
    row = "".join(f"<td>{cell}</td>" for cell in (4, 250, 7, 3, 0.5))
    assert row in page
    assert "Schedules of learning_rate" in page
    assert "took over" not in report()


def test_training_is_drawn_by_outcome_with_the_pictured_trials_thick() -> None:
    """Where it was measured more than once; a trial that left nothing has no line."""
    trials = records()
    for trial in trials:
        number = trial["number"]
        trial["history"] = {"sigma": [[0.0, number], [250.0, 1.0], [500.0, 2.0]], "once": [[0, 1]]}
    page = page_of(trials, None, {str(t["number"]): b"png" for t in trials})
    section = page[page.index("Training by outcome") :].partition("</section>")[0]
    drawn = re.findall(r'class="line (\w+)( thin|)"><title>trial (\d+), ([^<]*)<', section)
    thick = [(kind, number, role) for kind, thin, number, role in drawn if not thin]
    groups = {kind: [t for t in trials if t["outcome"] == kind] for kind, *_ in drawn}
    good = sorted(groups["converged"], key=lambda t: t["metrics"]["frechet"])
    median = str(good[len(good) // 2]["number"])
    assert thick[-2:] == [("converged", median, f"the median of {len(good)} converged"),
                          ("converged", str(good[0]["number"]), "the best")]  # fmt: skip
    assert [kind for kind, *_ in thick[:-2]] == ["diverged", "collapsed"]
    pictured = re.findall(r"<b>([^<]*)</b><br>trial (\d+)", page)
    assert [(role, number) for _, number, role in reversed(thick)] == pictured
    counts = Counter(kind for kind, *_ in drawn)
    assert len(good) > MOST_OF_AN_OUTCOME + 1 == counts["converged"]
    assert {counts[kind] - len(groups[kind]) for kind in ("collapsed", "diverged")} == {0}
    assert re.findall("<h3>(.*?)</h3>", section) == ["sigma"]
    assert "Training by outcome" not in report()


def test_the_axis_of_a_curve_is_that_of_trials_that_did_not_diverge() -> None:
    trials = records()[:2]
    for trial, (kind, last) in zip(trials, (("converged", 2.0), ("diverged", -1e30)), strict=True):
        trial |= {"outcome": kind, "history": {"loss": [[0.0, 1.0], [250.0, last]]}}
    (curve,) = training_curves(trials, FRECHET)  # type: ignore[arg-type]
    assert "e+" not in curve.figure
    heights = [points.split(",")[-1] for points in re.findall('points="([^"]*)"', curve.figure)]
    assert len(set(heights)) == 2


def test_a_spike_does_not_hide_the_rest_of_a_curve() -> None:
    trial = records()[0] | {"outcome": "converged"}
    values = [math.sin(step) for step in range(100)]
    for spike, is_shown in ((2.0, True), (1e9, False)):
        points = [[float(at), value] for at, value in enumerate([*values, spike])]
        (curve,) = training_curves([trial | {"history": {"loss": points}}], FRECHET)  # type: ignore[list-item]
        ticks = [float(label) for label in re.findall(r'"end">([^<]*)</text>', curve.figure)]
        assert (max(ticks) >= spike) == is_shown
        assert max(ticks) <= 2


def test_a_training_metric_is_told_with_what_it_is() -> None:
    trials = records()
    for trial in trials:
        history = {name: [[0.0, 1.0], [250.0, 2.0]] for name in ("judge_update_ratio", "mine")}
        trial["history"] = history
    section = page_of(trials).partition("Training by outcome")[2]
    told = re.findall(r'<h3>(\w+)</h3>\s*(?:<p class="note">(.*?)</p>)?', section)[:2]
    says = "norm of judge&#39;s step / norm of its weights, once in each part"
    assert told == [("judge_update_ratio", says), ("mine", "")]


def test_parts_of_a_metric_are_lines_of_one_figure() -> None:
    trials = records()
    parts = ("sigma", "sigma.stem", "sigma.out", "half.1", "level.1", "level.2")
    for trial in trials:
        trial["history"] = {name: [[0.0, 1.0], [250.0, 2.0]] for name in parts}
    page = page_of(trials)
    section = page[page.index("Training by outcome") :].partition("</section>")[0]
    assert re.findall("<h3>(.*?)</h3>", section) == ["half.1", "level.*", "sigma", "sigma.*"]
    last = section[section.index("<h3>sigma.*") :]
    titles = re.findall(r"<title>trial \d+, (sigma.\w+), ", last)
    assert titles == ["sigma.out", "sigma.stem"] * (len(titles) // 2)
    assert len(titles) == 8


def test_pruned_trials_are_counted_with_the_images_they_saw() -> None:
    trials = records()
    for trial, images in zip(trials[:3], (1000, 3000, 2000), strict=True):
        trial |= {"state": "pruned", "outcome": "pruned", "images": images}
    page = page_of(trials)
    row = "".join(f"<td>{cell}</td>" for cell in ("all trials", 40, 3, "2,000", "1,000 to 3,000"))
    assert row in page
    good = sum(t["outcome"] == "converged" for t in trials)
    bounds = f"{good / 40:.0%} and {(good + 3) / 40:.0%}"
    assert f"and 3 were pruned, whose end is unknown: the rate is between {bounds} (95 %" in page
    assert f"<td>{bounds.replace('and', 'to')}</td>" in page
    assert page.count("A pruned trial is unknown") == 2
    assert "A pruned trial is unknown" not in report()
    assert "pruned" in re.findall(r'<i class="(\w+)">', page)
    assert "were pruned" not in page_of(records(), group_by="objective")


def test_the_best_follows_the_direction() -> None:
    trials = records()
    done = [t for t in trials if t["state"] == "completed"]
    for t in done:
        t["metrics"]["coverage"] = t["number"] / 100
    for direction, best in (("minimize", done[0]), ("maximize", done[-1])):
        objective = Objective(metric="coverage", direction=direction)  # type: ignore[arg-type]
        page = page_of(trials, objective=objective, group_by="objective")
        assert f"the best is trial {best['number']} " in page
    with pytest.raises(UserError, match="'up'"):
        Objective(metric="coverage", direction="up")  # type: ignore[arg-type]


def test_versions_are_stated() -> None:
    assert "9.8.7" in page_of(records(), SweepFacts(versions={"torch": "9.8.7"}))


def test_every_outcome_has_a_colour() -> None:
    page = report()
    outcomes = set(re.findall(r'<i class="(\w+)">', page))
    assert len(outcomes) == 6
    for rule in ("--{}:", "rect.{},", "i.{} {{", ".line.{} {{"):
        assert {name for name in outcomes if rule.format(name) not in page} == set()


def test_report_of_failures_only() -> None:
    trials = [t | {"state": "failed", "outcome": "failed", "metrics": {}} for t in records()]
    page = page_of(trials, group_by="objective")
    assert "0 of 40 trials converged" in page
    assert page.count("None of 20 configurations was completed") == 2


def test_report_of_nothing() -> None:
    assert "No trial has ended yet" in page_of([])


def test_text_table_fits() -> None:
    table = text_table(["name", "value"], [["x" * 80, 1.0]], width=30)
    assert max(map(len, table.splitlines())) == 30
    assert "…" in table


def test_grid_png_is_readable_with_bad_values() -> None:
    from io import BytesIO

    from PIL import Image

    images = torch.full((3, 1, 4, 4), math.nan)
    assert Image.open(BytesIO(grid_png(images, columns=2))).size[0] >= 9
    points = torch.tensor([[0.0, 1.0], [math.inf, 0.0]])
    assert grid_png(points, modes=points[:1])[:4] == b"\x89PNG"


def test_points_stand_where_they_are_among_their_modes() -> None:
    from io import BytesIO

    from PIL import Image

    modes = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    samples = torch.tensor([[0.0, 0.5], [0.0, 50.0]])
    picture = np.asarray(Image.open(BytesIO(grid_png(samples, modes))))
    blue = (picture == (0, 0x72, 0xB2)).all(-1).nonzero()
    orange = (picture == (0xD5, 0x5E, 0)).all(-1).nonzero()
    side = len(picture)
    assert {axis.size for axis in blue} == {4}  # the other is out of the frame
    assert blue[0].mean() == pytest.approx((0.5 - 0.5 / 3) * side, abs=2)
    assert blue[1].mean() == pytest.approx(side / 2, abs=2)
    left, right = (orange[1][(orange[1] > side / 2) == half].mean() for half in (False, True))
    assert (left, right) == pytest.approx((side / 6, side * 5 / 6), abs=1)


@pytest.mark.stack
def test_browser_renders_without_errors(page: Page, tmp_path: Path) -> None:
    trials = records()
    for trial in trials:
        trial["history"] = {"loss": [[0.0, 1.0], [250.0, trial["number"]]]}
        trial["metrics"] |= {f"metric_number_{place}": 1.25 for place in range(30)}
    (tmp_path / "report.html").write_text(report(trials), encoding="utf-8")
    photograph(page, tmp_path / "report.html", "report")
    assert page.title().startswith("stability")
    page.locator("th button").nth(5).click()
    expect(page.locator("[aria-sort=ascending]")).to_have_count(1)
    assert page.evaluate("document.body.dataset.ran === undefined")
    expect(page.get_by_text("step size of Adam")).to_be_hidden()
    check_marks(page, str(FRECHET.ranked(trials)[0]["number"]))  # type: ignore[arg-type]
    check_paper(page)
    page.locator("a[href='#lookup']").first.click()
    expect(page.get_by_text("step size of Adam").first).to_be_visible()


def check_marks(page: Page, best: str) -> None:
    """A trial stands out in its row, picture and lines; a legend hides an outcome's lines."""
    row = page.locator("#trials tbody tr").filter(has=page.locator(f"td:text-is('{best}')")).first
    row.click()
    page.locator("h1").hover()
    lit = page.locator(".lit").evaluate_all("all => all.map(one => one.localName)")
    assert {"tr", "figure", "polyline", "circle"} == set(lit)
    assert set(page.locator(".lit").evaluate_all("all => all.map(one => one.dataset.trial)")) == {
        best
    }
    page.screenshot(path=PICTURES / "report-lit.png", full_page=True)
    row.click()
    page.locator("h1").hover()
    expect(page.locator(".lit")).to_have_count(0)
    training = page.locator("section", has_text="Training by outcome")
    training.get_by_role("button", name="diverged").click()
    expect(training.locator("polyline.diverged").first).to_be_hidden()
    expect(training.locator("polyline.converged").first).to_be_visible()


def check_paper(page: Page) -> None:
    """On A4 nothing is cut, nothing folded, no figure is split, and columns were chosen."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4, "height": 1000})
    page.screenshot(path=PICTURES / "report-paper.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= A4
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.className)"
    assert page.locator(".scroll, .fig, pre").evaluate_all(cut) == []
    expect(page.get_by_text("step size of Adam").first).to_be_visible()
    whole = "all => all.every(one => getComputedStyle(one).breakInside === 'avoid')"
    assert page.locator(".fig, figure, tr").evaluate_all(whole)
    shown = page.locator("#trials th").filter(visible=True).all_inner_texts()
    assert (shown[0], shown[-2:]) == ("#", ["frechet", "cause"])
    page.emulate_media(media="screen")
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_each_sampling_hyperparameter_has_its_curves() -> None:
    """Under the title that it states, or its name; the values can be read off the dots."""
    trials = [
        {"number": 0, "group": 0, "state": "completed", "outcome": "converged", "images": 5,
         "cause": "", "params": {"learning_rate": 0.1}, "metrics": {"frechet": 1.0},
         "curves": {"psi": [[0.01, 4.0, 0.3], [0.1, 3.0, 0.4], [1.0, 2.0, 0.5]],
                    "scale": [[1.0, 2.0, 0.5]], "empty": []}},
    ]  # fmt: skip
    facts = SweepFacts(sampling={"psi": {"title": "pull to the mean (psi)", "log": True}})
    page = page_of(trials, facts)
    assert re.findall("<h3>(pull.*|scale|empty)</h3>", page) == ["pull to the mean (psi)", "scale"]
    dots = re.findall(r'opacity="([\d.]+)"><title>trial 0: psi=([\d.]+)', page)
    assert dots == [("0.25", "0.01"), ("0.62", "0.1"), ("1.00", "1")]


def test_further_pictures_of_the_best_trial_follow_its_samples() -> None:
    trials = records()
    png = grid_png(torch.zeros(16, 1, 8, 8))
    images = {str(t["number"]): png for t in trials} | {"real": png, "walks: ways": png}
    page = page_of(trials, None, images)
    shown = re.findall(r"<figcaption>([^<]*)</figcaption>", page)
    said = [caption for caption in shown if caption.startswith("the best trial&#39;s")]
    assert said == ["the best trial&#39;s walks: ways"]
    assert shown.index("real data") < shown.index(said[0])
    assert "walks" not in page_of(trials, None, {"walks: ways": png})


def test_the_best_trial_is_pictured_over_time_with_its_steps() -> None:
    trials = records()
    best = str(FRECHET.ranked(trials)[0]["number"])  # type: ignore[arg-type]
    page = page_of(trials, None, {best: b"last"}, rungs={100: b"one", 2500: b"two"})
    steps = re.findall(r'class="step"><img alt="([^"]*)" src="data:image/png;base64,(.*?)"', page)
    told = [(says, base64.b64decode(png)) for says, png in steps]
    assert told == [("after 100 images", b"one"), ("after 2,500 images", b"two"),
                    ("after 500 images", b"last")]  # fmt: skip
    assert "over time" not in report()


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        (
            {"verdict": VERDICT, "curve": ["total_variation", "modes"]},
            "whose metric modes still grows",
        ),
        ({"verdict": VERDICT}, "whose metric of variety still grows"),
        ({}, "infinite, not a number or huge."),
    ],
)
def test_outcomes_are_told_in_words(protocol: dict[str, Any], told: str) -> None:
    bounds = POINT_BOUNDS
    rules = outcome_rules({"kind": "points", "bounds": bounds, "mode_threshold": 3} | protocol)
    assert rules.startswith("Converged: at least 100% of the modes and 80% of the samples")
    assert told in rules
    assert VERDICT not in rules


def test_samples_that_count_for_a_class_are_told_in_words() -> None:
    """As they were counted: sweeps of earlier versions took all."""
    now = IMAGE_BOUNDS | CLASS_BOUNDS
    then = {name: bound for name, bound in now.items() if name not in ADDED_BOUNDS}
    told, before = (outcome_rules({"kind": "images", "bounds": one}) for one in (now, then))
    assert "of the real examples, to whose class the classifier gives 0.9, or" in told
    assert "50% of the classes (if less than 50% of the samples are as near" in told
    assert "neighbour" not in before
    assert "25% of its share in the data). Collapsed" in before
    assert "50% of the classes. Unconverged" in before


def test_a_group_of_a_number_is_told_by_its_hyperparameter() -> None:
    trials = [{**one, "params": {**one["params"], "packing": 4}} for one in records()]
    page = page_of(trials, group_by="packing")
    section = page[page.index("Best of k") :]
    assert re.findall("<h3>(.*?)</h3>", section)[0] == "packing=4"
    assert "Outcomes of packing=4" in page
