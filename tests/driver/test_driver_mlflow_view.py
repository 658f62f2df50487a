"""What a user sees in MLflow behind the link that a sweep prints, in a real browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Locator, Page, expect

from browser import MINUTE, PICTURES, photograph
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = ("learning_rate", "latent_size", "critic_iterations", "truncation", "objective")
"""By every trial; two more are those of single objectives."""
NAME = "seen"
OPTIONS = ["--data", "ring8", "--trials", "5", "--budget-images", "200000", "--name", NAME]
TABLE = "?workflowType=machine_learning&compareRunsMode=TABLE"

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


def text_on_charts(page: Page, text: str) -> Locator:
    """What is written on a chart, as on an axis."""
    return page.locator("svg text").filter(has_text=re.compile(f"^{text}$"))


def keep(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"mlflow-{name}.png")


def test_the_link_opens_the_searched_hyperparameters_of_all_trials(link: str, page: Page) -> None:
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(link)
    for name in (*SEARCHED, "total_variation"):
        expect(text_on_charts(page, name).first).to_be_attached(timeout=MINUTE)
    expect(page.get_by_text("5 matching runs")).to_be_visible()
    assert page.url.count("compareRunsMode=CHART") == 1
    keep(page, "view")
    assert thrown == []  # what MLflow writes to its console is not ours


def test_trials_are_selected_and_compared(link: str, page: Page) -> None:
    page.goto(link)
    for place in range(3):
        page.get_by_role("checkbox", name="row selection").nth(place).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("Comparing 3 Runs").first).to_be_visible(timeout=MINUTE)
    for text in (*SEARCHED, "Parallel Coordinates Plot", "Scatter Plot", "Contour Plot"):
        expect(page.get_by_text(text).first).to_be_attached()
    keep(page, "compared")


def test_the_table_has_state_source_metric_and_hyperparameters(link: str, page: Page) -> None:
    page.set_viewport_size({"width": 2600, "height": 1200})
    page.goto(link.replace("compareRunsMode=CHART", "compareRunsMode=TABLE"))
    for name in ("total_variation", "Source", "status", *SEARCHED):
        heading = page.get_by_role("columnheader").filter(has_text=re.compile(f"^{name}$"))
        expect(heading.first).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text("gan_stability.py").first).to_be_visible()
    keep(page, "table")


def test_the_search_box_finds_what_became_of_an_objective(
    stack: Any, link: str, page: Page
) -> None:
    done = stack.run("results", NAME, "--json")
    (trial,) = (one for one in json.loads(done.stdout)["trials"]
                if one["params"]["objective"] == "wasserstein")  # fmt: skip
    page.goto(link.partition("?")[0] + TABLE)
    expect(page.get_by_text("matching runs")).to_be_visible(timeout=MINUTE)
    for relation, found in (("!=", "0"), ("=", "[12]")):  # MLflow counts the parent of a match
        page.get_by_test_id("search-box").fill(
            f"tags.status {relation} '{trial['state']}' and params.objective = 'wasserstein' "
            f"and tags.`gensweep.sweep` = '{NAME}'"
        )
        page.keyboard.press("Escape")  # a list of suggestions, which would take the Enter
        page.keyboard.press("Enter")
        expect(page.get_by_text(re.compile(f"^{found} matching run"))).to_be_visible()


def test_a_trial_has_a_learning_curve_and_its_samples(link: str, page: Page) -> None:
    page.goto(link)
    run = page.locator(".ag-row a[href*='/runs/']").first.evaluate("link => link.href")
    page.goto(f"{run.partition('?')[0]}/model-metrics")
    title = page.get_by_text("critic_loss", exact=True).first
    title.hover()  # a chart is drawn where it is seen
    plot = page.locator(".js-plotly-plot")
    card = page.locator("div").filter(has=title).filter(has=plot).last  # the innermost
    drawn = "plot => Math.max(0, ...(plot.data || []).map(line => (line.x || []).length))"
    # Until its own chart is drawn the innermost is a section, which has those of others.
    until(lambda: card.locator(plot).count() == 1 and card.locator(plot).evaluate(drawn) >= 20, 20)
    keep(page, "curves")
    page.goto(f"{run.partition('?')[0]}/artifacts")
    page.get_by_text("images", exact=True).click()
    grids = page.get_by_text(re.compile(r"^samples\S*png$"))
    grids.first.wait_for()
    shown: list[str] = []
    for step in range(grids.count()):
        grids.nth(step).click()
        shown.append(page.wait_for_function(
            "shown => [...document.images].map(image => image.naturalWidth > 60 && image.src)"
            ".find(src => src && src.startsWith('blob:') && !shown.includes(src))", arg=shown
        ).json_value())  # fmt: skip
    assert len(shown) >= 4  # one of each rung
    keep(page, "grid")


def test_the_report_opens_on_a_phone_and_on_a_desk(answer: str, page: Page) -> None:
    photograph(page, Path(told(answer, "report")), "report-of-sweep")
    expect(page.get_by_text("of 5 trials converged").first).to_be_visible()


def test_the_report_opens_within_mlflow(stack: Any, link: str, page: Page) -> None:
    """As an artifact of the sweep's own run, in a frame of its page."""
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    uri, (experiment,) = stack.env["MLFLOW_TRACKING_URI"], re.findall(r"/experiments/(\d+)", link)
    (run,) = MlflowClient(uri).search_runs([experiment], f"attributes.run_name = '{NAME}'")
    page.goto(f"{uri}/#/experiments/{experiment}/runs/{run.info.run_id}/artifacts")
    page.get_by_text("report.html", exact=True).first.click()
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", level=1)).to_have_text(NAME, timeout=MINUTE)
    expect(report.locator(".question")).to_have_text(
        "Where in hyperparameter space does a GAN train stably?"
    )
    keep(page, "report")
    assert thrown == []
