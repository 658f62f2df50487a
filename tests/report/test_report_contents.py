"""The report as data: each section of the page has its part, with the numbers that are drawn."""

import random
import re
from html import unescape
from importlib.resources import files
from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.report import (
    ReportQuestion,
    Section,
    SweepFacts,
    Table,
    TitledTable,
    build_report,
    report_contents,
)
from gensweep.results._markdown import MOST_ROWS, markdown_section
from gensweep.sweep import Chart

ASKED = ReportQuestion(
    objective=Objective(metric="nll"), map_axis="lr", group_by="loss",
    scatter_of=("coverage", "nll", None),
)  # fmt: skip
BASE_BITS = {"metric": "nll", "value": 80.0, "budget": "", "of": "a", "protocol": "b",
             "source": "c", "evidence": "d", "data": "e"}  # fmt: skip
FACTS = SweepFacts(
    protocol={"kind": "points", "modes": 8, "bounds": {}}, seed=3, versions={"torch": "9.8.7"},
    next_command="go on", published=[BASE_BITS], lookup={"Options": {"--trials": "how many"}},
    floor_metrics={"nll": 0.5},
)  # fmt: skip
CHART = Chart(title="A line", names=("x", "y"), lines={"up": [(0.0, 0.0), (1.0, 2.5)]})


def trials_of() -> list[dict[str, Any]]:
    """Two seeds of each configuration; small rates converge, and one trial was pruned."""
    draw, trials = random.Random(0), list[dict[str, Any]]()
    for group in range(24):
        params = {"lr": 10 ** draw.uniform(-5, -1), "loss": "ab"[group % 2], "depth": group % 7}
        for _ in range(2):
            number, good = len(trials), params["lr"] < 1e-3
            trials.append({
                "number": number, "group": group, "params": params, "state": "completed",
                "outcome": "converged" if good else "unconverged", "images": 100 + number,
                "cause": "", "kept": {}, "curves": {"psi": [[0.5, 1.0, 0.2], [1.0, 2.0, 0.3]]},
                "metrics": {"nll": draw.random() + (not good), "coverage": 0.5, "modes": 7.0},
                "history": {"loss": [[0, 2.0], [50, 3.0], [100, 1.0]]},
            })  # fmt: skip
    trials[-1] |= {"state": "pruned", "outcome": "pruned"}
    copied = {"lr": 0.5, "depth": 3}
    trials[0] |= {"kept": {"png": "x"}, "lineage": [{"images": 9, "from": 7, "params": copied}]}
    ASKED.objective.ranked(trials)[0]["kept"] = {"png": "x"}  # type: ignore[arg-type, typeddict-item]
    return trials


@pytest.fixture(scope="module")
def trials() -> list[dict[str, Any]]:
    return trials_of()


@pytest.fixture(scope="module")
def sections(trials: Any) -> dict[str, Section]:
    contents = report_contents(FACTS, trials, ASKED, [CHART])
    return {section.title: section for section in contents.sections}


def rows_of(section: Section, table: int = 0) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = section.as_json()["tables"][table]["rows"]
    return rows


@pytest.fixture(scope="module")
def page(trials: Any) -> str:
    images = {str(t["number"]): b"" for t in trials if t["kept"]}
    return build_report(
        FACTS, trials, images, objective=ASKED.objective, map_axis="lr", group_by="loss",
        scatter_of=ASKED.scatter_of, charts=[CHART], rungs={50: b""},
    )  # fmt: skip


def test_each_section_of_the_page_has_its_part(page: str, sections: dict[str, Section]) -> None:
    shown = re.findall("<h2>(.*?)</h2>", page)
    ended_with = ["What each name means"]  # which is folded
    assert {*shown, *ended_with} - sections.keys() == set()
    assert [title for title in sections if title in shown] == [*sections][:-1]
    templates = (files("gensweep.report") / "templates").iterdir()
    texts = [one.read_text("utf-8") for one in templates if one.name.endswith(".jinja")]
    known = {title for text in texts for title in re.findall("<h2>([^{]*?)</h2>", text)}
    assert known - {*shown} == set()  # the trials here have all that there is a section for


def test_what_the_page_notes_of_tables_is_noted(page: str, sections: dict[str, Section]) -> None:
    """The other notes say how to read lines, which there are none of in data."""
    noted = {}
    for part in page.split("<h2>")[1:]:
        title, _, text = part.partition("</h2>")
        noted[title] = {unescape(note) for note in re.findall('<p class="note">(.*?)</p>', text)}
    of_lines = {"Lineage", "Fidelity and variety", "Training by outcome"}
    assert of_lines < noted.keys()
    for title in noted.keys() - of_lines:
        section = sections.get(title, Section(title=title))
        told = [*section.notes, *(one.caption for one in section.tables)]
        assert [n for n in noted[title] if not any(one.endswith(n) for one in told)] == []
    assert any("Wilson" in note for note in noted["Success rates"])


def test_figures_are_told_in_numbers(trials: Any, sections: dict[str, Section]) -> None:
    rows = rows_of(sections["Stability map"], 1)
    assert sum(row["ended"] + row["unknown"] for row in rows) == len(trials)
    assert all(row["ended"] == row["converged"] + row["unconverged"] for row in rows)
    assert [row["loss"] for row in rows_of(sections["Stability map"])] == ["a", "b"]
    lasts = [row for row in rows_of(sections["Best of k configurations"]) if row["k"] == 12]
    groups = [[t for t in trials if t["params"]["loss"] == loss] for loss in "ab"]
    least = [min(ASKED.objective.configuration_medians(group)) for group in groups]
    assert [row["median"] for row in lasts] == pytest.approx(least)
    shares = [row["importance"] for row in rows_of(sections["Importance of hyperparameters"], 1)]
    assert sum(shares) == pytest.approx(1.0)
    assert all("%" in row["P(best)"] for row in rows_of(sections["Configurations"])[1:])
    assert rows_of(sections["Training by outcome"])[0]["most"] == 3.0
    assert rows_of(sections["Figures"])[1] == {"line": "up", "x": 1.0, "y": 2.5}
    assert len(rows_of(sections["nll against coverage"])) == len(trials)
    assert '"torch": "9.8.7"' in sections["Protocol"].code
    assert '"seed": 3' in sections["Protocol"].code


def test_markdown_has_every_table(sections: dict[str, Section]) -> None:
    for title, section in sections.items():
        text = "\n\n".join(markdown_section(section))
        assert text.startswith(f"## {title}\n")
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        full = [one.table for one in section.tables if one.table.rows]
        assert len(rows) == sum(1 + min(MOST_ROWS, len(one.rows)) for one in full)
        assert section.code in text
    long = TitledTable(title="", table=Table(["n"], [[n] for n in range(MOST_ROWS + 3)]))
    text = "\n".join(markdown_section(Section(title="Long", tables=[long])))
    assert text.endswith(
        f"| {MOST_ROWS - 1} |\n3 more rows are left out: `--format json` has them."
    )


def test_a_sweep_without_trials_has_what_is_known() -> None:
    contents = report_contents(SweepFacts(), [], ASKED)
    assert contents.answer == "No trial has ended yet."
    assert [section.title for section in contents.sections] == ["Trials"]
