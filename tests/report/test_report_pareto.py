"""The front of quality against cost: nobody beats what is on it."""

import itertools
import random
import re
from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report
from gensweep.report._pareto import pareto_front

LESS, MORE = Objective(metric="m"), Objective(metric="m", direction="maximize")


def trials_of(count: int, **more: Any) -> list[dict[str, Any]]:
    draw = random.Random(0)
    return [{"number": n, "group": n, "params": {"lr": 0.1}, "state": "completed", "cause": "",
             "outcome": "converged", "images": 500, "seconds": draw.uniform(10, 20), "curves": {},
             "metrics": {"m": draw.random()}} | more for n in range(count)]  # fmt: skip


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_nobody_beats_what_is_on_the_front(objective: Objective) -> None:
    trials = trials_of(40)
    found = pareto_front(trials, objective)  # type: ignore[arg-type]
    assert found is not None
    assert found.unit == "seconds"
    places = {t["number"]: (t["seconds"], objective.sign * t["metrics"]["m"]) for t in trials}
    best = {
        n
        for n, (cost, score) in places.items()
        if not any(c < cost and s < score for c, s in places.values())
    }
    told = [row[0] for row in found.table.rows]
    assert set(told) <= best
    assert max(places, key=lambda n: -places[n][1]) in told
    costs, scores = zip(*(places[n] for n in told), strict=True)
    assert all(b > 1.01 * a for a, b in itertools.pairwise(costs))
    assert list(scores) == sorted(scores, reverse=True)
    assert str(found.figure).count("<circle") == 40


def test_examples_are_the_cost_where_they_differ() -> None:
    trials = [t | {"images": 100 * (1 + t["number"])} for t in trials_of(8)]
    found = pareto_front(trials, LESS)  # type: ignore[arg-type]
    assert found is not None
    assert found.unit == "images"
    assert found.table.rows[0][:2] == [0, "100"]


def test_seeds_are_one_dot() -> None:
    trials = [t | {"group": t["number"] // 2} for t in trials_of(20)]
    found = pareto_front(trials, LESS)  # type: ignore[arg-type]
    assert found is not None
    assert str(found.figure).count("<circle") == 10


def test_equal_costs_and_few_trials_have_no_front() -> None:
    assert pareto_front(trials_of(20, seconds=5.0), LESS) is None  # type: ignore[arg-type]
    assert pareto_front(trials_of(4), LESS) is None  # type: ignore[arg-type]
    unknown = [{k: v for k, v in t.items() if k != "seconds"} for t in trials_of(20)]
    assert pareto_front(unknown, LESS) is None  # type: ignore[arg-type]


def test_the_report_draws_it_in_the_colours_of_outcomes() -> None:
    page = build_report(SweepFacts(), trials_of(9), {}, objective=LESS, map_axis="lr")  # type: ignore[arg-type]
    section = page[page.index("Quality against cost") :].partition("</section>")[0]
    assert len(re.findall('class="dot converged"', section)) == 9
    assert "circle.converged, i.converged {" in page
