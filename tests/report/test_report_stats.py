"""The statistics against enumeration, simulation and closed forms."""

import itertools
import math
import random
import re
from typing import Any

import numpy as np
import pytest

from gensweep.decades import spans_decades
from gensweep.errors import UserError
from gensweep.intervals import wilson
from gensweep.objective import Objective
from gensweep.report import (
    answer,
    best_of_k,
    best_probabilities,
    clustered_wilson,
    configurations_table,
    rates,
)
from gensweep.report._best_curves import BestCurve, best_curves
from gensweep.report._figures import common_bins, stability_maps
from gensweep.report._outcomes import success_rate
from gensweep.report._svg import Axes, log_ticks

DRAWS = [4.0, 1.0, 9.0, 2.5, math.inf, math.inf, math.inf, math.inf]


def test_wilson_known_value_and_edges() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 5)[0] == 0
    assert wilson(0, 0) == (0, 1)
    with pytest.raises(UserError):
        wilson(3, 2)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("k", [1, 3, 6, 8])
def test_best_of_k_equals_enumeration(k: int, share: float) -> None:
    minima = sorted(min(chosen) for chosen in itertools.combinations(DRAWS, k))
    assert best_of_k(DRAWS, k, share) == minima[math.ceil(share * len(minima)) - 1]


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_best_of_k_is_the_median_of_simulated_searches(k: int) -> None:
    """An objective that fails 9 times in 10, against one that never does."""
    draw = random.Random(k)
    values = [draw.gauss(10, 3) if draw.random() < 0.1 else math.inf for _ in range(200)]
    assert 10 < sum(value < math.inf for value in values) < 30
    found = best_of_k(values, k)
    best = [min(draw.sample(values, k)) for _ in range(20_000)]
    assert sum(b < found for b in best) / len(best) < 0.515
    assert sum(b <= found for b in best) / len(best) > 0.485
    assert (found == math.inf) == (k <= 5)


def trials_of(ends: list[float | None], **more: Any) -> list[dict[str, Any]]:
    """One trial each: its value, or None for one that diverged after a good value."""
    return [{"number": n, "group": n, "params": {}, "outcome": "converged" if v else "diverged",
             "state": "completed" if v else "diverged", "metrics": {"m": v or 0.001}, **more}
            for n, v in enumerate(ends)]  # fmt: skip


def test_failed_trials_count_as_draws_and_their_values_do_not() -> None:
    trials = trials_of([5.0, None, None, None])
    assert Objective(metric="m").signed_values(trials) == [5.0, math.inf, math.inf, math.inf]
    (curve,) = best_curves({"all": trials}, Objective(metric="m"))
    assert "1 of 4 configurations were completed" in curve.caption
    assert "finite from k=2 on" in curve.caption
    assert "two finite ends from k=4 on" in curve.caption
    (both,) = best_curves({"all": trials_of([1.0, 2.0])}, Objective(metric="m"))
    assert "All of 2 configurations count" in both.caption
    (none,) = best_curves({"all": trials_of([None, None])}, Objective(metric="m"))
    assert none.figure is None
    assert "None of 2 configurations was completed with a m" in none.caption


def test_the_seeds_of_a_configuration_are_one_draw() -> None:
    seeds = [t | {"group": t["number"] // 3} for t in trials_of([1.0, 2.0, 9.0, None, None, 1.0])]
    assert Objective(metric="m").configuration_medians(seeds) == [2.0, math.inf]
    (curve,) = best_curves({"all": seeds}, Objective(metric="m"))
    assert "1 of 2 configurations" in curve.caption


def heights(curve: BestCurve) -> list[float]:
    """Of the median's points, in SVG's units."""
    found = re.search(r'<polyline points="([^"]*)" class="line accent"', str(curve.figure))
    assert found is not None
    return [float(point.split(",")[1]) for point in found[1].split()]


def test_groups_share_a_scale() -> None:
    """A curve stands as high beside another as its values are."""
    groups = {"a": trials_of([1.0, 2.0]), "b": trials_of([8.0, 9.0])}
    low, high = (heights(curve) for curve in best_curves(groups, Objective(metric="m")))
    assert min(low) > max(high)  # SVG's y points down


def test_bins_are_as_many_as_trials_fill() -> None:
    trials = [t | {"params": {"x": 10.0**-n}} for n, t in enumerate(trials_of([1.0] * 50))]
    assert [len(common_bins(trials, "x", groups) or ()) - 1 for groups in (1, 5, 25)] == [8, 5, 3]
    assert common_bins(trials, "y") is None


def test_best_curve_falls_or_rises_with_the_direction() -> None:
    trials = trials_of([1.0, 2.0, 3.0, 4.0])
    for direction, sense in (("minimize", 1), ("maximize", -1)):
        objective = Objective(metric="m", direction=direction)  # type: ignore[arg-type]
        (curve,) = best_curves({"all": trials}, objective)
        height = heights(curve)
        assert sense * (height[-1] - height[0]) > 0  # SVG's y points down


def test_clustered_interval_lies_between_configurations_and_trials() -> None:
    alone = [(1, 1)] * 8 + [(0, 1)] * 4
    assert clustered_wilson(alone) == wilson(8, 12)
    for seeds in ([(3, 3)] * 8 + [(0, 3)] * 4, [(2, 3)] * 12):
        (low, high), (least, most) = clustered_wilson(seeds), wilson(24, 36)
        assert low < least
        assert most < high < least + 0.4
    assert clustered_wilson([(2, 3)]) == wilson(2 / 3, 1)
    assert clustered_wilson([(3, 3)] * 5) == wilson(5, 5)
    assert clustered_wilson([(0, 3)] * 5) == wilson(0, 5)
    assert clustered_wilson([]) == (0, 1)


@pytest.mark.parametrize(("count", "seeds"), [(24, 4), (5, 5)])
def test_clustered_interval_covers_where_the_plain_one_does_not(count: int, seeds: int) -> None:
    """Configurations whose rates are uniform: the mean rate is 1/2."""
    draw, runs = random.Random(0), 2000
    plain = clustered = 0
    for _ in range(runs):
        rates_ = [draw.random() for _ in range(count)]
        groups = [(sum(draw.random() < rate for _ in range(seeds)), seeds) for rate in rates_]
        low, high = wilson(sum(good for good, _ in groups), count * seeds)
        plain += low <= 0.5 <= high
        low, high = clustered_wilson(groups)
        clustered += low <= 0.5 <= high
    assert plain / runs < 0.88
    assert 0.925 < clustered / runs < 0.98


def test_repeats_widen_the_interval_that_is_shown() -> None:
    trials = trials_of([1.0, 1.0, 1.0, None, None, None])
    own = success_rate(trials)
    repeated = success_rate([t | {"group": t["number"] // 3} for t in trials])
    assert (own.converged, own.share, own.interval) == (3, "50%", "19% to 81%")
    assert (repeated.converged, repeated.share, repeated.interval) == (3, "50%", "1% to 99%")
    assert rates([t | {"group": t["number"] // 3} for t in trials], None)[1] == [
        ["all trials", 6, 2, 3, 0, "50%", "1% to 99%"]
    ]


def test_a_pruned_trial_is_unknown() -> None:
    """The rate has bounds, and its interval covers those of either end that it could have had."""
    trials = trials_of([1.0, 1.0, None, None, None, None, None, None])
    for trial in trials[3:]:
        trial |= {"state": "pruned", "outcome": "pruned"}
    found = success_rate(trials)
    assert (found.share, found.pruned) == ("25% to 88%", 5)
    assert (found.low, found.high) == (wilson(2, 8)[0], wilson(7, 8)[1])
    assert rates(trials, None)[1][0][-2:] == ["25% to 88%", found.interval]
    every = success_rate([t | {"outcome": "pruned", "state": "pruned"} for t in trials])
    assert every.interval == "0% to 100%"
    (curve,) = best_curves({"all": trials}, Objective(metric="m"))
    assert "5 trials were pruned, whose end is unknown" in curve.caption


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_covers_every_way_that_pruned_trials_may_end(seed: int) -> None:
    draw = random.Random(seed)
    ends = [draw.choice(["converged", "diverged", "pruned"]) for _ in range(12)]
    trials = [
        t | {"outcome": end, "group": t["number"] // 3}
        for t, end in zip(trials_of([1.0] * 12), ends, strict=True)
    ]
    found = success_rate(trials)
    for end in ("converged", "diverged"):
        told = success_rate([t | {"outcome": end} if t["outcome"] == "pruned" else t
                             for t in trials])  # fmt: skip
        assert found.low <= told.low <= told.high <= found.high


def test_what_may_have_converged_lies_on_what_did() -> None:
    ends = ["pruned", "diverged", "converged", "collapsed"]
    trials = [
        t | {"params": {"x": 1.0}, "outcome": end}
        for t, end in zip(trials_of([1.0] * 4), ends, strict=True)
    ]
    ((_, drawn),) = stability_maps({"all": trials}, "x")
    bars = re.findall(r'y="([\d.]+)" width[^>]* class="(\w+)"', drawn)
    ordered = sorted(bars, key=lambda bar: -float(bar[0]))
    assert [name for _, name in ordered] == ["converged", "pruned", "collapsed", "diverged"]


def seeds_of(groups: dict[int, list[float | None]]) -> list[dict[str, Any]]:
    """The seeds of each configuration: values, or None for one that diverged."""
    ends = [end for found in groups.values() for end in found]
    numbers = [group for group, found in groups.items() for _ in found]
    return [t | {"group": group, "params": {"x": float(group)}}
            for t, group in zip(trials_of(ends), numbers, strict=True)]  # fmt: skip


def test_the_best_is_a_configuration_and_not_a_lucky_seed() -> None:
    """The middle seed of the best mean stands for it; of two the worse."""
    trials = seeds_of({7: [1.0, 9.0, 8.0], 8: [4.0, 3.0, 5.0], 9: [6.0, 7.0]})
    objective = Objective(metric="m")
    assert [t["number"] for t in objective.ranked(trials)] == [3, 4, 5, 2, 1, 0, 7, 6]
    assert [one.score for one in objective.configurations(trials)] == [4.0, 6.0, 6.5]
    most = Objective(metric="m", direction="maximize")
    assert [t["number"] for t in most.ranked(trials)][:3] == [6, 7, 2]
    alone = [t | {"group": t["number"]} for t in trials]
    assert [t["metrics"]["m"] for t in objective.ranked(alone)] == sorted(
        t["metrics"]["m"] for t in trials
    )


def test_the_search_ranks_until_every_rival_is_confirmed() -> None:
    """Stopped in the middle, it would be the first configuration that got a fresh seed."""
    trials: list[Any] = [
        {"group": group, "confirm_round": 0, "state": "completed", "metrics": {"fid": value}}
        for group, value in enumerate((1.0, 2.0, 3.0))
    ]
    objective = Objective(metric="fid")
    for group, states in ((2, ("completed", "failed")), (0, ("completed", "leased"))):
        trials += [{"group": group, "confirm_round": 1, "state": state, "metrics": {"fid": 50.0}}
                   for state in states]  # fmt: skip
    ranked = objective.configurations(trials)
    assert [one.trials[0]["group"] for one in ranked] == [0, 1, 2]
    assert not any(one.confirmed for one in ranked)
    trials[-1]["state"] = "completed"
    ranked = objective.configurations(trials)
    assert [one.trials[0]["group"] for one in ranked] == [0, 2, 1]
    assert [one.confirmed for one in ranked] == [True, True, False]


def test_a_seed_that_failed_counts_as_the_worst_value() -> None:
    """Whatever it measured before; a configuration that never works is no better for that."""
    trials = seeds_of({0: [1.0, None], 1: [5.0, 5.0], 2: [None, None], 3: [20.0, 20.0]})
    found = Objective(metric="m").configurations(trials)
    assert [(one.trials[0]["group"], one.score, one.failed) for one in found] == [
        (1, 5.0, 0), (0, 10.5, 1), (3, 20.0, 0),
    ]  # fmt: skip
    trials[1] |= {"state": "leased"}  # has not ended: unknown, and it says nothing yet
    assert Objective(metric="m").ranked(trials)[0]["group"] == 0


@pytest.mark.parametrize("world", ["alike", "apart", "decades", "larger"])
def test_the_probability_of_being_best_is_as_often_right_as_it_says(world: str) -> None:
    """Over sweeps of 8 configurations with 4 seeds whose true means are known."""
    random_, runs, says, right = np.random.default_rng(0), 250, 0.0, 0
    objective = Objective(metric="m", direction="maximize" if world == "larger" else "minimize")
    for _ in range(runs):
        means = random_.normal(0.0, 3.0 if world == "apart" else 1.0, 8)
        values = means[:, None] + random_.normal(0.0, 1.0, (8, 4))
        if world not in ("alike", "apart"):
            means = np.exp(3 + means)
            values = means[:, None] * np.exp(random_.normal(-0.08, 0.4, (8, 4)))
        if world == "larger":
            means, values = -means, -values
        trials = seeds_of({n: [1.0] * 4 for n in range(8)})
        for trial, value in zip(trials, values.flatten().tolist(), strict=True):
            trial["metrics"] = {"m": -value if world == "larger" else value}
        ranked = objective.configurations(trials)
        says += best_probabilities(ranked)[0]
        right += ranked[0].trials[0]["group"] == means.argmin()
    assert says / runs == pytest.approx(right / runs, abs=0.06)


def test_the_probability_needs_seeds_that_differ() -> None:
    objective = Objective(metric="m")
    for groups in ({0: [1.0, 2.0]}, {0: [1.0], 1: [2.0]}, {0: [1.0, 1.0], 1: [2.0, 2.0]}):
        assert best_probabilities(objective.configurations(seeds_of(groups))) == []
    surely = best_probabilities(
        objective.configurations(seeds_of({n: [n + 1.0, n + 1.01] for n in range(4)}))
    )
    assert surely[0] > 0.99
    assert sum(surely) == pytest.approx(1.0)


def test_configurations_are_listed_with_their_seeds() -> None:
    trials = seeds_of({0: [1.0, None, 2.0], 1: [5.0, 5.5, 6.0]})
    found = configurations_table(trials, Objective(metric="m"))
    assert found is not None
    assert found.head[:4] == ["trial", "mean m", "range", "seeds"]
    assert [row[:4] for row in found.rows] == [
        [2, 1.5, "1 to 2", "2 of 3"],
        [4, 5.5, "5 to 6", "3 of 3"],
    ]
    says = answer(trials, None, Objective(metric="m"))
    assert "the best configuration is that of trial 2, m 1.5 in the mean of 2 seeds" in says
    assert "(1 more ended without a value), the best with probability " in says
    assert configurations_table(trials_of([1.0, 2.0]), Objective(metric="m")) is None


def test_the_best_value_has_its_interval() -> None:
    trials = trials_of([2.0, 1.0])
    assert answer(trials, None, Objective(metric="m")).endswith("the best is trial 1, m 1.")
    trials[1]["intervals"] = {"m": [0.91, 1.2]}
    says = answer(trials, None, Objective(metric="m"))
    assert says.endswith("the best is trial 1, m 1 (95 % interval over its samples 0.91 to 1.2).")


def test_values_decades_apart_stand_on_a_logarithmic_axis() -> None:
    """Each factor of ten is as high as any other; a zero or a narrow range stays linear."""
    decades = [10.0, 100.0, 1000.0]
    assert spans_decades(decades)
    assert not spans_decades([0.0, *decades])
    assert not spans_decades([10.0, 12.0])
    axes = Axes([(1.0, value) for value in decades], ("x", "y"), log=(False, True))
    low, middle, high = (axes.place((1.0, value))[1] for value in decades)
    assert low - middle == pytest.approx(middle - high)
    labels = re.findall(r">([\d.e+]+)</text>", axes.draw([], "a"))
    assert {"10", "100", "1000"} <= set(labels)
    trials = trials_of([1200.0, 60.0, 40.0, 20.0, 10.0, 9.0])
    (curve,) = best_curves({"all": trials}, Objective(metric="m"))
    ends = heights(curve)
    assert ends[-1] - ends[0] > 25  # of 215 from 20 to 9, which of 9 to 1200 were 2 if linear


@pytest.mark.parametrize("seed", range(20))
def test_logarithmic_ticks_are_within_and_few(seed: int) -> None:
    draw = random.Random(seed)
    low = 10 ** draw.uniform(-8, 4)
    high = low * 10 ** draw.uniform(math.log10(30), 9)
    found = log_ticks(low, high)
    assert 2 <= len(found) <= 10
    assert low * 0.99 <= found[0] <= found[-1] <= high * 1.01


def test_equal_seeds_are_equal_whatever_rounding_leaves_of_them() -> None:
    """Three times 0.1 differs from its mean by a bit, three times 0.125 does not."""

    def sure(base: float) -> list[float]:
        groups = {0: [base] * 3, 1: [base + 0.05, base + 0.1, base + 0.2], 2: [base + 0.1] * 3}
        return best_probabilities(Objective(metric="m").configurations(seeds_of(groups)))

    assert sure(0.1) == pytest.approx(sure(0.125), abs=0.02)
