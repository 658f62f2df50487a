"""Each pruner stops what its name says, and nothing that does better."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import TrialState

from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.pruners import PRUNERS
from gensweep.samplers import SAMPLERS
from gensweep.trial import Lease
from study.small_study import Categorical, Real, begin, finish

RUNGS = (100, 300, 900)


def run(
    folder: Path,
    pruner: str,
    curves: list[list[float]],
    rungs: tuple[int, ...],
    sampler: str = "random",
) -> dict[int, int]:
    """Where trials were stopped, each of which reports its curve before the next begins."""
    study = begin(
        str(folder / "j"), objective=Objective(metric="m"), trials=len(curves), sampler=sampler,
        pruner=pruner, rungs=rungs, budget_images=rungs[-1],
    )  # fmt: skip
    stopped = {}
    for curve in curves:
        (lease,) = study.lease("pack", 1)
        for images, value in zip(rungs, curve, strict=True):
            if study.report(lease, images, {"m": value}) == "prune":
                stopped[lease.number] = images
                finish(study, lease, "pruned")
                break
        else:
            finish(study, lease, "completed", metrics={"m": curve[-1]})
    assert study.stop_reason() == "trials"
    study.close()
    return stopped


@pytest.mark.parametrize("pruner", ["asha", "hyperband", "median"])
def test_worse_than_others_is_stopped(tmp_path: Path, pruner: str) -> None:
    good, bad = [0.3, 0.2, 0.1], [3.0, 2.0, 1.0]
    curves = [good] * 12 + [bad] * 12 + [[g / 2 for g in good]]
    stopped = run(tmp_path, pruner, curves, RUNGS)
    assert stopped.keys() & set(range(12, 24))
    assert 24 not in stopped


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_asha_judges_as_optunas_does(tmp_path: Path, direction: str) -> None:
    """Whatever order trials report in, and when the sweep is resumed."""
    draw, running = random.Random(4), dict[int, tuple[Lease, optuna.Trial]]()
    peer = optuna.create_study(pruner=SuccessiveHalvingPruner(RUNGS[0], 3), direction=direction)
    question: dict[str, Any] = {
        "objective": Objective(metric="m", direction=direction), "trials": 60, "sampler": "random",
        "pruner": "asha", "rungs": RUNGS, "budget_images": RUNGS[-1],
    }  # fmt: skip
    study, pruned = begin(f"{tmp_path}/j", **question), Counter[int]()
    while study.stop_reason() is None:
        if draw.random() < 0.1:  # killed: others go on from their last rungs
            study._exit.close()
            study = begin(f"{tmp_path}/j", resume=True, **question)
            leases = {lease.number: lease for lease in study.lease("a", len(running))}
            running = {n: (leases[n], trial) for n, (_, trial) in running.items()}
        for lease in study.lease("a", 6 - len(running)):
            running[lease.number] = lease, peer.ask()
        lease, trial = running[draw.choice(list(running))]
        rung, value = RUNGS[len(peer.trials[lease.number].intermediate_values)], draw.random()
        trial.report(value, rung)
        is_poor = trial.should_prune()
        assert (study.report(lease, rung, {"m": value}, rung) == "prune") == is_poor
        if is_poor or rung == RUNGS[-1]:
            pruned[rung] += is_poor
            peer.tell(trial, state=TrialState.PRUNED) if is_poor else peer.tell(trial, value)
            finish(study, lease, "pruned" if is_poor else "completed", metrics={"m": value})
            del running[lease.number]
    study.close()
    assert set(pruned) == set(RUNGS)


def test_hyperband_gives_some_trials_more_time_than_asha(tmp_path: Path) -> None:
    curves = [[0.3, 0.2, 0.1]] * 12 + [[3.0, 2.0, 1.0]] * 12
    asha, hyperband = (run(tmp_path / name, name, curves, RUNGS) for name in ("asha", "hyperband"))
    assert set(asha.values()) == {RUNGS[0]}
    assert set(hyperband.values()) == set(RUNGS)


def test_wilcoxon_stops_what_is_worse_than_the_best_all_the_way(tmp_path: Path) -> None:
    rungs = tuple(range(100, 1100, 100))
    best = [1.0 - k / 20 for k in range(10)]
    worse = [value + 0.1 for value in best]
    mixed = [value + (-0.1) ** k for k, value in enumerate(best)]
    assert run(tmp_path, "wilcoxon", [best, worse, mixed], rungs).keys() == {1}


def test_patience_stops_what_gets_worse(tmp_path: Path) -> None:
    rungs = (100, 200, 300, 400)
    curves = [[4.0, 3.0, 2.0, 1.0], [1.0, 1.1, 1.2, 1.3], [1.0, 2.0, 0.5, 0.4]]
    assert run(tmp_path, "patience", curves, rungs) == {1: 300}


def test_none_stops_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "none", [[0.1] * 3, [9.0] * 3], RUNGS) == {}
    compared = {"asha", "halving", "hyperband", "median", "wilcoxon"}
    assert set(PRUNERS) == {"none", "patience", *compared}


GROUPED = {"x": Real(), "objective": Categorical(("hinge", "wasserstein"))}
SCALES = {"hinge": 1.0, "wasserstein": 1000.0}


def prune_grouped(
    folder: Path, pruner: str, group_by: str | None, sessions: tuple[int, ...] = (60,)
) -> Counter[tuple[str, bool]]:
    """Count what was pruned and what ran to its end, of objectives whose scales differ.

    Good trials of either objective are those with small x; a session more resumes the study.
    """
    rungs, ends = PRUNERS[pruner].rungs(RUNGS[-1], 3), Counter[tuple[str, bool]]()
    for number, trials in enumerate(sessions):
        last = number == len(sessions) - 1
        study = begin(
            str(folder / "j"), resume=number > 0, space=GROUPED, strata=("objective",),
            objective=Objective(metric="m"), trials=trials, sampler="random", pruner=pruner,
            rungs=rungs, budget_images=rungs[-1], group_by=group_by if last else None,
        )  # fmt: skip
        while leases := study.lease("pack", 1):
            (lease,) = leases
            name = lease.params["objective"]
            value = SCALES[name] * (1 + lease.params["x"])
            stopped = any(study.report(lease, rung, {"m": value}) == "prune" for rung in rungs)
            finish(study, lease, "pruned" if stopped else "completed", metrics={"m": value})
            ends[name, stopped] += 1
        study.close()
    return ends


@pytest.mark.parametrize("pruner", ["asha", "hyperband", "median"])
def test_trials_are_compared_within_their_group(tmp_path: Path, pruner: str) -> None:
    """Else the objective of the larger scale is wiped out, and nothing is learned of it."""
    mixed = prune_grouped(tmp_path / "mixed", pruner, None)
    assert mixed["wasserstein", False] <= 6 < mixed["hinge", False]
    ends = prune_grouped(tmp_path / "grouped", pruner, "objective")
    kept = {name: ends[name, False] for name in SCALES}
    assert sum(ends.values()) == 60
    assert all(2 <= count <= 25 for count in kept.values()), kept
    assert abs(kept["hinge"] - kept["wasserstein"]) <= 6


def test_a_sweep_whose_rungs_compared_all_goes_on_within_groups(tmp_path: Path) -> None:
    """One that an earlier version began: what it pruned stays so, and the rest gets its chance."""
    before = prune_grouped(tmp_path / "a", "asha", None, (30,))
    assert before["wasserstein", False] <= 1
    after = prune_grouped(tmp_path / "b", "asha", "objective", (30, 90))
    assert after["wasserstein", False] >= 4
    assert after["hinge", False] >= 4


def test_only_what_is_searched_has_groups(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="group_by='colour' is not searched"):
        begin(str(tmp_path / "j"), group_by="colour")


@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_declared_one_carries_a_study_to_its_end(
    tmp_path: Path, sampler: str, pruner: str
) -> None:
    rungs = PRUNERS[pruner].rungs(RUNGS[-1], 3)
    curves = [[1.0 / n, 1.0 / n, 2.0 / n] for n in range(1, 13)]
    stopped = run(tmp_path, pruner, curves, rungs, sampler)
    assert set(stopped.values()) <= set(rungs)
