"""What a user sees in MLflow behind the link that a sweep prints, in a real browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import Browser

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = ("learning_rate", "latent_size", "critic_iterations", "truncation", "objective")
"""By every trial; two more are those of single objectives."""
NAME = "seen"
OPTIONS = ["--data", "ring8", "--trials", "5", "--budget-images", "200000", "--name", NAME]
BOXES = """[...document.querySelectorAll('.ag-row input.ag-checkbox-input')]
    .filter(box => box.ariaLabel.includes('row selection'))"""

pytestmark = [pytest.mark.stack, pytest.mark.slow("a sweep on a stack, and a browser", minutes=2)]


@pytest.fixture(scope="module")
def link(stack: Any, stack_scripts: Any) -> str:
    """The address that a finished sweep prints."""
    script = ROOT / "sweeps" / "gan_stability.py"
    done = stack_scripts.run(script, OPTIONS, env=stack.env, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.search(r"^compare +(\S+)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return found[1]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as opened:
        yield opened
        opened.screenshot(tmp_path / "last.png")


def axes(browser: Browser) -> set[str]:
    """The names that are written on charts."""
    return set(browser.run("[...document.querySelectorAll('svg text')].map(e => e.textContent)"))


def click_button(browser: Browser, name: str) -> None:
    browser.click(
        f"[...document.querySelectorAll('button')].find(e => e.innerText.trim() === '{name}')"
    )


def test_the_link_opens_the_searched_hyperparameters_of_all_trials(
    link: str, browser: Browser
) -> None:
    browser.open(link)
    browser.wait_for(lambda: set(SEARCHED) <= axes(browser), "all hyperparameters on the axes")
    assert "total_variation" in axes(browser)
    assert "5 matching runs" in browser.text
    assert browser.run("location.href").count("compareRunsMode=CHART") == 1
    assert not [error for error in browser.errors if "users/current" not in error]


def test_trials_are_selected_and_compared(link: str, browser: Browser) -> None:
    browser.open(link)
    browser.wait(f"{BOXES}.length >= 3")
    for place in range(3):
        browser.click(f"{BOXES}[{place}]")
    click_button(browser, "Compare")
    browser.wait("document.body.innerText.includes('Comparing 3 Runs')")
    browser.wait(f"{json.dumps(SEARCHED)}.every(n => document.body.innerText.includes(n))")
    for tab in ("Parallel Coordinates Plot", "Scatter Plot", "Contour Plot"):
        assert tab in browser.text


def test_the_table_has_state_source_metric_and_hyperparameters(link: str, browser: Browser) -> None:
    browser.resize(2600, 1200)
    browser.open(link.replace("compareRunsMode=CHART", "compareRunsMode=TABLE"))
    headers = "[...document.querySelectorAll('.ag-header-cell')].map(e => e.innerText.trim())"
    browser.wait(f"{headers}.includes('total_variation')")
    assert {"Source", "status", *SEARCHED} <= set(browser.run(headers))
    assert "gan_stability.py" in browser.text


def test_the_search_box_finds_what_became_of_an_objective(
    stack: Any, link: str, browser: Browser
) -> None:
    done = stack.run("results", NAME, "--json")
    (trial,) = (one for one in json.loads(done.stdout)["trials"]
                if one["params"]["objective"] == "wasserstein")  # fmt: skip
    browser.open(link.replace("compareRunsMode=CHART", "compareRunsMode=TABLE"))
    browser.wait_for(lambda: "5 matching runs" in browser.text, "all runs")
    box = "document.querySelector('input[data-testid=search-box]')"
    for relation, found in (("=", "[12]"), ("!=", "0")):  # MLflow counts the parent of a match
        browser.click(box)
        browser.run(f"{box}.select()")
        browser.type(f"tags.status {relation} '{trial['state']}' and "
                     "params.objective = 'wasserstein'")  # fmt: skip
        browser.wait(f"/\\b{found} matching run/.test(document.body.innerText)")


def test_a_trial_has_a_learning_curve_and_its_samples(
    link: str, browser: Browser, tmp_path: Path
) -> None:
    browser.open(link)
    run = browser.wait("document.querySelector('.ag-row a[href*=\"/runs/\"]')?.href")
    browser.open(f"{run.partition('?')[0]}/model-metrics")
    points = """Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
        .flatMap(plot => (plot.data || []).map(line => (line.x || []).length)))"""
    browser.wait("document.body.innerText.includes('critic_loss')")
    browser.run("[...document.querySelectorAll('*')].find(e => e.children.length === 0 && "
                "e.innerText === 'critic_loss').scrollIntoView()")  # fmt: skip
    browser.wait(f"{points} >= 20")
    browser.screenshot(tmp_path / "curves.png")
    browser.open(f"{run.partition('?')[0]}/artifacts")
    browser.wait("document.body.innerText.includes('images')")
