"""What a user sees in MLflow behind the link that a sweep prints, in a real browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from browser import PICTURES, Browser

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = ("learning_rate", "latent_size", "critic_iterations", "truncation", "objective")
"""By every trial; two more are those of single objectives."""
NAME = "seen"
OPTIONS = ["--data", "ring8", "--trials", "5", "--budget-images", "200000", "--name", NAME]
BOXES = """[...document.querySelectorAll('.ag-row input.ag-checkbox-input')]
    .filter(box => box.ariaLabel.includes('row selection'))"""
NAMED = """[...document.querySelectorAll('*')]
    .filter(e => %s.test((e.innerText || '').trim())).at(-1)"""
"""The innermost element whose text is as a pattern says."""

pytestmark = [pytest.mark.stack, pytest.mark.slow("a sweep on a stack, and a browser", minutes=2)]


@pytest.fixture(scope="module")
def answer(stack: Any, stack_scripts: Any) -> str:
    """What a finished sweep prints."""
    script = ROOT / "sweeps" / "gan_stability.py"
    done = stack_scripts.run(script, OPTIONS, env=stack.env, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return str(done.stdout)


def told(answer: str, label: str) -> str:
    """The first word after a label."""
    found = re.search(rf"^{label} +(\S+)", answer, re.MULTILINE)
    assert found, answer
    return found[1]


@pytest.fixture
def link(answer: str) -> str:
    """The address that it prints."""
    return told(answer, "compare")


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
    browser.screenshot(PICTURES / "mlflow-view.png")
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
    browser.screenshot(PICTURES / "mlflow-compared.png")


def test_the_table_has_state_source_metric_and_hyperparameters(link: str, browser: Browser) -> None:
    browser.resize(2600, 1200)
    browser.open(link.replace("compareRunsMode=CHART", "compareRunsMode=TABLE"))
    headers = "[...document.querySelectorAll('.ag-header-cell')].map(e => e.innerText.trim())"
    browser.wait(f"{headers}.includes('total_variation')")
    assert {"Source", "status", *SEARCHED} <= set(browser.run(headers))
    assert "gan_stability.py" in browser.text
    browser.screenshot(PICTURES / "mlflow-table.png")


def test_the_search_box_finds_what_became_of_an_objective(
    stack: Any, link: str, browser: Browser
) -> None:
    done = stack.run("results", NAME, "--json")
    (trial,) = (one for one in json.loads(done.stdout)["trials"]
                if one["params"]["objective"] == "wasserstein")  # fmt: skip
    browser.open(f"{link.partition('?')[0]}?workflowType=machine_learning&compareRunsMode=TABLE")
    browser.wait_for(lambda: "matching runs" in browser.text, "all runs")
    box = "document.querySelector('input[data-testid=search-box]')"
    for relation, found in (("!=", "0"), ("=", "[12]")):  # MLflow counts the parent of a match
        browser.click(box)
        browser.run(f"{box}.select()")
        query = (f"tags.status {relation} '{trial['state']}' and params.objective = "
                 f"'wasserstein' and tags.`gensweep.sweep` = '{NAME}'")  # fmt: skip
        browser.type(query)
        shown = f"/\\b{found} matching run/.test(document.body.innerText)"
        # A list of suggestions that has just opened takes the first Enter.
        browser.wait_for(lambda shown=shown: browser.enter() or browser.run(shown), query)


def test_a_trial_has_a_learning_curve_and_its_samples(link: str, browser: Browser) -> None:
    browser.open(link)
    run = browser.wait("document.querySelector('.ag-row a[href*=\"/runs/\"]')?.href")
    browser.open(f"{run.partition('?')[0]}/model-metrics")
    points = """Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
        .flatMap(plot => (plot.data || []).map(line => (line.x || []).length)))"""
    browser.wait("document.body.innerText.includes('critic_loss')")
    browser.run("[...document.querySelectorAll('*')].find(e => e.children.length === 0 && "
                "e.innerText === 'critic_loss').scrollIntoView()")  # fmt: skip
    browser.wait(f"{points} >= 20")
    browser.screenshot(PICTURES / "mlflow-curves.png")
    browser.open(f"{run.partition('?')[0]}/artifacts")
    browser.click(NAMED % "/^images$/")
    grid = NAMED % "/^samples[^ ]*png$/"
    browser.wait(f"{grid} !== undefined")
    browser.run(f"{grid}.click()")  # a name so long that its middle is out of sight
    browser.wait("[...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth > 60)")
    browser.screenshot(PICTURES / "mlflow-grid.png")


def test_the_report_opens_on_a_phone_and_on_a_desk(answer: str, browser: Browser) -> None:
    browser.photograph(Path(told(answer, "report")), "report-of-sweep")
    assert "of 5 trials converged" in browser.text
