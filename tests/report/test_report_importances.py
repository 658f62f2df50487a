"""Importances: the hyperparameter that decides is found, and what does not decide is no news."""

import random
from typing import Any

import pytest

from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report
from gensweep.report._importances import Importances, decides_sentence, importances

OBJECTIVE = Objective(metric="m")


def trials_of(count: int, **more: Any) -> list[dict[str, Any]]:
    """Trials that converge by their learning rate, and get good by their depth."""
    draw, trials = random.Random(0), list[dict[str, Any]]()
    for group in range(count):
        params = {
            "lr": 10 ** draw.uniform(-5, -1),
            "depth": draw.randint(1, 8),
            "loss": draw.choice(("hinge", "wgan")),
            "ema": draw.choice((True, False)),
        }
        if params["loss"] == "wgan":
            params["clip"] = draw.uniform(0.01, 0.1)
        good = 1e-4 < params["lr"] < 1e-2
        trials.append({
            "number": group, "group": group, "params": params, "state": "completed",
            "outcome": "converged" if good else "unconverged", "images": 1, "cause": "",
            "metrics": {"m": params["depth"] + draw.random() / 10}, "curves": {},
        } | more)  # fmt: skip
    return trials


def found(trials: list[dict[str, Any]]) -> tuple[Importances, Importances]:
    quality, stability = importances(trials, OBJECTIVE)  # type: ignore[arg-type]
    return quality, stability


def share_of(one: Importances) -> str:
    first = one.found[0]
    return f"importance {first.share:.0%}, by chance up to {first.chance:.0%}"


def test_what_decides_is_found_for_quality_and_for_stability() -> None:
    quality, stability = found(trials_of(80))
    assert quality.of.startswith("the best 8 of 80 completed configurations; left out, as not")
    assert quality.of.endswith(": clip")  # what exists with one loss alone stands for that loss
    assert (quality.found[0].name, stability.found[0].name) == ("depth", "lr")
    assert decides_sentence((quality, stability), "m") == (
        f"Whether trials converge depends most on lr ({share_of(stability)}), and how good m gets "
        f"depends most on depth ({share_of(quality)})."
    )
    assert decides_sentence((stability, stability), "m").count("depends") == 1
    for one in (quality, stability):
        assert one.found[0].share > 0.5
        assert one.found[0].share > one.found[0].chance
        assert sum(each.share for each in one.found) == pytest.approx(1.0)
        assert {each.name for each in one.found} == {"lr", "depth", "loss", "ema"}
        assert sum(each.share > each.chance for each in one.found) <= 3
        assert one.found[0].alone > 0.8
        assert all(each.alone < 0.1 for each in one.found[1:])


def test_parts_of_the_variance_are_those_of_a_sum() -> None:
    """Of 2 a + b, with a and b evenly spread, a explains four fifths alone and b one."""
    draw, trials = random.Random(1), trials_of(120)
    for trial in trials:
        trial["params"] = {name: draw.random() for name in ("a", "b", "c")}
        trial["metrics"] = {"m": 2 * trial["params"]["a"] + trial["params"]["b"]}
    (quality, _) = found(trials)
    alone = {one.name: one.alone for one in quality.found}
    assert alone == pytest.approx({"a": 0.8, "b": 0.2, "c": 0.0}, abs=0.1)


def test_a_loss_that_decides_is_not_told_as_the_weight_that_only_it_has() -> None:
    """As of gan_stability.py, where Wasserstein with penalty converged, and nothing else did."""
    trials = trials_of(60)
    for trial in trials:
        trial["outcome"] = "converged" if trial["params"]["loss"] == "wgan" else "collapsed"
    (_, stability) = found(trials)
    assert (stability.found[0].name, stability.found[0].share > 0.8) == ("loss", True)


def test_more_is_better_where_the_objective_says_so() -> None:
    (quality, _) = importances(trials_of(80), Objective(metric="m", direction="maximize"))  # type: ignore[arg-type]
    assert quality.found[0].name == "depth"


def test_noise_stays_below_chance() -> None:
    trials, draw = trials_of(60), random.Random(3)
    for trial in trials:
        trial["metrics"] = {"m": draw.random()}
        trial["outcome"] = draw.choice(("converged", "diverged"))
    measured = found(trials)
    above = [each for one in measured for each in one.found if each.share > each.chance]
    assert len(above) <= 1  # of eight
    told = decides_sentence(measured, "m")
    assert told == "No hyperparameter stands out as what decides."


def test_seeds_count_as_one_configuration() -> None:
    trials = trials_of(40)
    assert found([trial for trial in trials for _ in range(3)]) == found(trials)


def test_equal_outcomes_leave_nothing_to_explain() -> None:
    trials = trials_of(30)
    for trial in trials:
        trial["metrics"] = {"m": 8.0}
    assert {one.alone for one in found(trials)[0].found} == {0.0}


def test_too_few_leave_it_out_with_the_reason() -> None:
    quality, stability = found(trials_of(10))
    assert quality.of == "left out: 10 configurations were completed, of 20 needed"
    assert stability.of == "left out: of 10 configurations the end is known, of 20 needed"
    quality, stability = found(trials_of(30, outcome="converged"))
    assert quality.figure is not None
    assert stability.of.startswith("left out: 30 of 30 configurations converged: at least 5 ")
    assert stability.figure is None
    assert decides_sentence(found(trials_of(10)), "m") == ""
    for trial in (alone := trials_of(30)):
        kept = {"lr", "clip"} & trial["params"].keys()
        trial["params"] = {name: trial["params"][name] for name in kept} | {"depth": 3}
    assert found(alone)[0].of.startswith("left out: fewer than two hyperparameters vary")
    pruned = trials_of(30, outcome="pruned", state="pruned")
    assert "of 0 configurations the end is known" in found(pruned)[1].of


def test_the_report_draws_them_with_their_source() -> None:
    page = build_report(SweepFacts(), trials_of(40), {}, objective=OBJECTIVE, map_axis="lr")  # type: ignore[arg-type]
    section = page[page.index("Importance of hyperparameters") :].partition("</section>")[0]
    assert section.count('class="bar"') == 8
    assert section.count('class="mark"') == section.count('class="thin"') == 8
    assert "arXiv:2304.10255" in section
    assert "Whether trials converge depends most on lr (importance " in page.partition("<h2>")[0]
    alone = [t | {"params": {"lr": 0.1}} for t in trials_of(4)]
    page = build_report(SweepFacts(), alone, {}, objective=OBJECTIVE, map_axis="lr")  # type: ignore[arg-type]
    assert "Importance of" not in page
