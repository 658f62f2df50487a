"""Stable regions in words: the run of trials that converge, and none that chance has as well."""

import itertools
import math
import random
import re
from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.report import answer, stable_regions
from gensweep.report._stable_regions import (
    Place,
    best_run,
    chance_of,
    found_regions,
    regions_sentence,
)
from gensweep.results import results_table


def trials_at(ends: dict[float, str], group: str = "hinge") -> list[dict[str, Any]]:
    """One trial at each place of the axis."""
    words = {"c": "converged", "d": "diverged", "p": "pruned", "u": "unconverged"}
    return [{"number": n, "group": n, "params": {"lr": at, "objective": group}, "cause": "",
             "state": "pruned" if end == "p" else "completed", "outcome": words[end],
             "metrics": {"m": 1.0}} for n, (at, end) in enumerate(ends.items())]  # fmt: skip


def words_of(trials: list[dict[str, Any]]) -> str:
    found = found_regions({"hinge": trials}, "lr")  # type: ignore[dict-item]
    return found["hinge"].words if found else ""


def row(ends: str) -> dict[float, str]:
    """Places a quarter of a decade apart, from 1e-5 on."""
    return {10 ** (-5 + n / 4): end for n, end in enumerate(ends)}


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("uuuuuccccuccccddddd", "0.00018 to 0.018, 8 of 9"),
        ("cccccc", "throughout, 1e-05 to 0.00018, 6 of 6"),
        ("dddddd", "nowhere: 0 of 6 converged"),
        ("ccd", "too few configurations to tell: 2 of 3 converged"),
        ("dcdddcdddc", "no region stands out: 3 of 10 converged"),
        ("uuuuupccccpccccddddd", "0.00032 to 0.032, 8 of 8, 2 pruned aside"),
        ("pppp", "unknown: 4 were pruned"),
        ("", ""),
    ],
)
def test_a_region_is_told_in_words(ends: str, words: str) -> None:
    assert words_of(trials_at(row(ends))) == words


def test_a_region_as_clear_as_chance_is_not_told() -> None:
    assert words_of(trials_at(row("dcccdd"))) == "no region stands out: 3 of 6 converged"
    assert words_of(trials_at(row("ddddddccccccdddddd"))) == "0.00032 to 0.0056, 6 of 6"


def test_a_group_with_few_failures_anywhere_is_stable_throughout() -> None:
    assert words_of(trials_at(row("cccdccccccdcc"))) == "throughout, 1e-05 to 0.01, 11 of 13"
    assert words_of(trials_at(row("cdcdccdccc"))) == "no region stands out: 7 of 10 converged"


def test_the_more_groups_the_clearer_a_region_must_be() -> None:
    """Of those alone in which one is looked for."""
    names = [f"g{n}" for n in range(9)]
    clear, random_, none = row("ddddccccdddd"), row("cdcdcdcdcdcd"), row("dddddddddddd")
    few, many = ({name: trials_at(ends) for name in names} | {"hinge": trials_at(clear)}
                 for ends in (none, random_))  # fmt: skip
    assert "hinge 0.0001 to 0.00056, 4 of 4" in regions_sentence(few, "lr")  # type: ignore[arg-type]
    assert regions_sentence(many, "lr").startswith("No region")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("groups", "size", "seeds"), [(2, 10, 1), (4, 12, 1), (1, 23, 1), (2, 10, 3)]
)
def test_coins_have_regions_as_rarely_as_is_said(groups: int, size: int, seeds: int) -> None:
    """Of 100 sweeps whose outcomes are coin flips, at most some 5 are told a region."""
    draw, told = random.Random(0), 0
    for _ in range(100):
        sweep: dict[str, Any] = {}
        for name in map(str, range(groups)):
            ends = {draw.uniform(-5, -2): "" for _ in range(size)}
            flips = [trials_at({at: draw.choice("cd") for at in ends}) for _ in range(seeds)]
            sweep[name] = [trial for seed in flips for trial in seed]
        told += any(region.stands_out for region in found_regions(sweep, "lr").values())
    assert told <= 9  # of 100 at 5 % more are in 3 of 100 runs


def test_the_clearest_run_is_told_with_its_chance_where_none_stands_out() -> None:
    some = {"hinge": trials_at(row("dcccddcdcd")), "wgan": trials_at(row("dddddd"))}
    says = regions_sentence(some, "lr")  # type: ignore[arg-type]
    found = re.fullmatch(
        r"No region of lr stands out as stable; the clearest is hinge 1.8e-05 to 5.6e-05, 3 of 3, "
        r"which may be chance: that shows one as clear in (\d+)% of sweeps.", says
    )  # fmt: skip
    assert found is not None, says
    clear = 0
    orders = list(itertools.combinations(range(10), 5))
    for good in orders:
        places = [Place(at=n, converged=n in good, known=1) for n in range(10)]
        clear += sum(place.gain for place in best_run(places)) >= 1 - 1e-9
    assert int(found[1]) == pytest.approx(100 * clear / len(orders), abs=4)


@pytest.mark.parametrize("ends", ["cdcdc", "ccddd", "cccdd"])
def test_the_chance_of_a_run_is_that_of_all_orders(ends: str) -> None:
    places = [Place(at=n, converged=end == "c", known=1) for n, end in enumerate(ends)]
    run = best_run(places)
    most = sum(place.gain for place in run)
    orders = list(itertools.permutations(places))
    as_clear = sum(sum(p.gain for p in best_run(one)) >= most - 1e-9 for one in orders)
    assert chance_of(run, places, 20_000) == pytest.approx(as_clear / len(orders), abs=0.015)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_run_has_a_larger_score(seed: int) -> None:
    draw = random.Random(seed)
    places = [Place(at=n, converged=draw.randrange(2), known=1) for n in range(15)]
    runs = [places[i:j] for i in range(15) for j in range(i, 16)]
    most = max(sum(place.gain for place in run) for run in runs)
    assert sum(place.gain for place in best_run(places)) == pytest.approx(most)


def test_seeds_of_a_configuration_are_not_parted() -> None:
    ends = 12 * "d" + "cccccdccccccccc" + 12 * "d"
    trials = [t | {"group": n // 3, "params": {"lr": 10.0 ** -(n // 3)}}
              for n, t in enumerate(trials_at(row(ends)))]  # fmt: skip
    assert words_of(trials).startswith("1e-08 to 0.0001, 14 of 15")
    assert math.isclose(sum(p.gain for p in best_run([])), 0.0)


def test_the_answer_and_the_results_tell_the_regions_of_each_group() -> None:
    good, bad = trials_at(row("dddccccccddd")), trials_at(row("dddddd"), "wgan")
    trials = good + [t | {"number": 100 + t["number"], "group": 100 + t["group"]} for t in bad]
    objective = Objective(metric="m")
    says = answer(trials, "objective", objective, "lr")  # type: ignore[arg-type]
    assert says.endswith(" Stable lr: hinge 5.6e-05 to 0.001, 6 of 6; none stands out for wgan.")
    alone = answer(good, None, objective, "lr")  # type: ignore[arg-type]
    assert alone.endswith(" Stable lr: 5.6e-05 to 0.001, 6 of 6.")
    none = answer(bad, None, objective, "lr")  # type: ignore[arg-type]
    assert none.endswith(" No region of lr stands out as stable.")
    table = results_table(trials, "objective", objective, map_axis="lr")  # type: ignore[arg-type]
    assert table.splitlines()[-2:] == [
        "hinge      5.6e-05 to 0.001, 6 of 6",
        "wgan       nowhere: 0 of 6 converged",
    ]
    assert "Stable" not in answer(trials, "objective", objective)  # type: ignore[arg-type]
    assert stable_regions({"hinge": good}, "momentum", None) is None  # type: ignore[dict-item]


def test_of_equally_good_runs_the_longest_is_told() -> None:
    """The last three gain as much as the first six, of which one failed."""
    gains = [1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1]
    places = [Place(at=float(n), converged=good, known=1) for n, good in enumerate(gains)]
    found = best_run(places)
    equal = [(a, b) for a in range(len(places)) for b in range(a + 1, len(places) + 1)
             if sum(p.gain for p in places[a:b]) > sum(p.gain for p in found) - 1e-9]  # fmt: skip
    assert len(found) == max(b - a for a, b in equal) == 6
