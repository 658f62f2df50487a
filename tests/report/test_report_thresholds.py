"""Successes at thresholds: counted over configurations, and over pairs as in WGAN-GP's table 2."""

from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report
from gensweep.report._thresholds import paired_thresholds, thresholds

LESS, MORE = Objective(metric="m"), Objective(metric="m", direction="maximize")


def trials_of(values: list[float | None], loss: str, first: int = 0) -> list[dict[str, Any]]:
    """One trial a value, whose learning rate is its place; None: it diverged."""
    return [{"number": first + n, "group": first + n, "cause": "", "images": 1, "curves": {},
             "params": {"loss": loss, "lr": 10.0**-n} | ({"clip": 1.0} if loss == "w" else {}),
             "state": "diverged" if v is None else "completed", "metrics": {"m": v or 1.0},
             "outcome": "diverged" if v is None else "converged"}
            for n, v in enumerate(values)]  # fmt: skip


GROUPS: dict[str, Any] = {
    "w": trials_of([1.0, 2.0, 3.0, 4.0, 9.0, None], "w"),
    "hinge": trials_of([5.0, 6.0, 1.5, None, 8.0, None], "hinge", 6),
}
# The completed ones in order: 1, 1.5, 2, 3, 4, 5, 6, 8, 9.


def test_configurations_are_counted_at_each_threshold() -> None:
    found = thresholds(GROUPS, LESS, "loss")
    assert found is not None
    assert found.head == ["loss", "at most 1", "at most 1.5", "at most 3", "at most 6"]
    assert found.rows == [
        ["w", "1 of 6", "1 of 6", "3 of 6", "4 of 6"],
        ["hinge", "0 of 6", "1 of 6", "1 of 6", "3 of 6"],
    ]
    most = thresholds(GROUPS, MORE, "loss")
    assert most is not None
    assert most.head[1] == "at least 9"
    assert most.rows[0][1] == "1 of 6"


def test_pruned_configurations_are_unknown() -> None:
    hinge = [dict(t) for t in GROUPS["hinge"]]
    hinge[3] |= {"state": "pruned", "outcome": "pruned"}
    found = thresholds(GROUPS | {"hinge": hinge}, LESS, "loss")
    assert found is not None
    assert found.rows[1][1:3] == ["0 to 1 of 6", "1 to 2 of 6"]


def test_pairs_are_told_apart_as_in_the_paper() -> None:
    """Which differ in the loss alone, or in what only one of the two has."""
    found = paired_thresholds(GROUPS, LESS, "loss")
    assert found is not None
    assert found.head == ["m", "only w", "only hinge", "both", "neither"]
    assert found.rows[1] == ["1.5", 1, 1, 0, 4]
    assert found.rows[3] == ["6", 1, 0, 3, 2]
    assert all(sum(row[1:]) == 6 for row in found.rows)
    moved = [t | {"params": t["params"] | {"lr": 0.5}} for t in GROUPS["hinge"]]
    assert paired_thresholds(GROUPS | {"hinge": moved}, LESS, "loss") is None


def test_each_two_of_several_groups_are_paired() -> None:
    third = trials_of([1.0, 1.0, None], "mse", 20)
    found = paired_thresholds(GROUPS | {"mse": third}, LESS, "loss")
    assert found is not None
    assert found.head == ["A", "B", "m", "only A", "only B", "both", "neither"]
    assert list(dict.fromkeys((row[0], row[1], sum(row[3:])) for row in found.rows)) == [
        ("w", "hinge", 6),
        ("w", "mse", 3),
        ("hinge", "mse", 3),
    ]
    first = next(row for row in found.rows if row[:2] == ["w", "mse"])
    assert first == ["w", "mse", "1", 0, 1, 1, 1]


@pytest.mark.parametrize("groups", [{"w": GROUPS["w"]}, {n: g[:3] for n, g in GROUPS.items()}])
def test_one_group_or_few_trials_have_no_table(groups: dict[str, Any]) -> None:
    assert thresholds(groups, LESS, "loss") is None
    assert paired_thresholds(groups, LESS, "loss") is None


def test_the_report_has_both_tables() -> None:
    trials: Any = [trial for group in GROUPS.values() for trial in group]
    page = build_report(SweepFacts(), trials, {}, objective=LESS, map_axis="lr", group_by="loss")
    section = page[page.index("Successes at thresholds") :].partition("</section>")[0]
    assert section.count("<table>") == 2
    assert "Pairs: configurations that are equal but for" in section
    moved = [t | {"params": {**t["params"], "lr": t["number"] + 1.0}} for t in trials]
    page = build_report(SweepFacts(), moved, {}, objective=LESS, map_axis="lr", group_by="loss")
    section = page[page.index("Successes at thresholds") :].partition("</section>")[0]
    assert section.count("<table>") == 1
    assert "--sampler grid gives each the same values" in section
