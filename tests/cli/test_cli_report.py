"""`gensweep report` makes a sweep's report anew: the same page, and of sweeps that still run."""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ended_sweep import OBJECTIVE, PROTOCOL, ended, plan_of, point_here, spec_of
from gensweep.cli import main
from gensweep.driver._finish import print_answer
from gensweep.driver._report_files import first_report
from gensweep.evaluation import Floor
from gensweep.planning import Plan
from gensweep.results import load
from gensweep.study import Study, read_sweep
from gensweep.sweep import Chart

FLOOR = Floor(metrics={"frechet": 0.25, "coverage": 0.97}, examples=9)
USED = {"training": 15.0, "evaluation": 4.0, "idle": 1.0}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    return tmp_path


def rising(trials: Sequence[Any]) -> list[Chart]:
    return [Chart(title="A line", names=("x", "y"), lines={"up": [(0.0, 0.0), (1.0, 2.5)]})]


def finish(plan: Plan) -> str:
    """End the sweep as its driver does, which keeps what the report states; return its page."""
    with Study.open(spec_of(plan), plan.ledger) as study:
        _, files = print_answer(plan, PROTOCOL, OBJECTIVE, USED, FLOOR, keep=study.keep_report)
    return files["report.html"].decode()


def test_the_page_of_an_ended_sweep_is_the_same(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ended(home)
    sweep = dataclasses.replace(plan.request.sweep, figures=(rising,), scatter=None)
    plan = dataclasses.replace(plan, request=dataclasses.replace(plan.request, sweep=sweep))
    page = finish(plan)
    capsys.readouterr()
    assert main(["report", "s"]) == 0
    assert capsys.readouterr().out == page
    assert page.count("data:image/png;base64,") >= 3  # real data, the best, what it draws
    assert "A line" in page
    assert "75.0 % training" in page
    folded = page.partition('<div id="lookup">')[2]
    for name in ("modes (more", "frechet (less", "learning_rate", "--resume NAME"):
        assert f"<dt><code>{name}" in folded
    assert main(["report", "s", "--out", "now.html"]) == 0
    assert (home / "now.html").read_text() == page


def test_a_lost_store_costs_the_pictures_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(ended(home))
    (home / "store").rename(home / "elsewhere")
    capsys.readouterr()
    assert main(["report", "s"]) == 0
    page = capsys.readouterr().out
    assert "data:image/png;base64," not in page
    assert "the best is trial 1 with objective=" in page


def test_a_running_sweep_has_a_report_of_what_has_ended(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(home, "s", 8)
    with Study.create(spec_of(plan), plan.ledger) as study:
        study.keep_report(first_report(plan, PROTOCOL).as_json())
        (lease,) = study.lease("me", 1)
        assert main(["report", "s", "--format", "md"]) == 0
        text = capsys.readouterr().out
        assert "**No trial has ended yet. 8 of 8 trials have not ended.**" in text
        assert "8 trials of gan (arXiv:1406.2661) on ring8" in text
        assert "x.py --resume s" in text
        assert lease.number == 0


def test_a_sweep_of_an_earlier_version_has_the_report_that_its_spec_allows(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home)
    assert read_sweep("s", str(home / "studies")).report == {}
    assert main(["report", "s"]) == 0
    page = capsys.readouterr().out
    assert "4 trials of gan on ring8, sha256 " in page
    assert "ema=0.999" in page
    assert "learning_rate" in page


def test_json_and_markdown_state_the_same(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(ended(home))
    capsys.readouterr()
    assert main(["report", "s", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [t["state"] for t in told["trials"]] == ["completed", "completed", "diverged", "pruned"]
    assert sum(row["trials"] for row in told["rates"]) == 4
    assert told["lane_time"].startswith("75.0 % training")
    assert main(["report", "s", "--out", "now.md"]) == 0
    text = (home / "now.md").read_text()
    assert f"**{told['answer']}**" in text
    trials = text.partition("## Trials\n")[2]
    assert trials.index("| real data |") < trials.index("| 1 | converged | completed | 500 |")
    titles = [section["title"] for section in told["sections"]]
    assert re.findall("^## (.*)", text, flags=re.MULTILINE) == titles
    assert main(["report", "s"]) == 0
    shown = re.findall("<h2>(.*?)</h2>", capsys.readouterr().out)
    assert [title for title in titles if title in shown] == shown
    assert '"samples": 1000' in text  # of the protocol
    assert told["floor_metrics"] == FLOOR.metrics
    assert told["next_command"] in text


def test_what_real_examples_score_stands_in_every_table(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(ended(home, repeats=2))
    finish(ended(home, "t", repeats=1))
    said = capsys.readouterr().out.split("trial ")
    assert len([part for part in said if "\nreal data" in part]) == 2
    for name in ("s", "t"):
        assert main(["results", name]) == 0
        assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["real", "data", "0.25"]
        assert main(["report", name]) == 0
        page = capsys.readouterr().out
        rows = re.findall(r"<tbody>\s*<tr><td>real data</td>(.*?)</tr>", page)
        assert len(rows) == (2 if name == "s" else 1)
        assert all("<td>0.25</td>" in row for row in rows)
    assert main(["results", "s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["floor"] == FLOOR.metrics
    assert main(["compare", "t", "t"]) == 0
    (row,) = re.findall(r"real data's frechet +(\S+) +(\S+)", capsys.readouterr().out)
    assert row == ("0.25", "0.25")
    assert "<td>real data</td><td>0.25</td>" in load("t")._repr_html_()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["t"], "unknown sweep 't': the known ones are s."),
        (["s", "--out", "no/such/folder.html"], "--out no/such/folder.html cannot be written"),
    ],
    ids=["unknown", "no folder"],
)
def test_mistakes_are_told_in_a_line(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    ended(home)
    assert main(["report", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
