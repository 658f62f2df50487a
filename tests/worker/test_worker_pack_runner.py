"""A pack at its coordinator, in one process: what becomes of trials that are lost, pruned or
broken."""

import dataclasses
import time
from collections import Counter
from typing import Any

import pytest

from gensweep.driver._progress_lines import progress_line
from gensweep.evaluation import Evaluation
from gensweep.lanes import LanePoint, LaneState
from gensweep.storage import load_rung_grids, load_trained_lane
from gensweep.study._lost_trials import Loss
from gensweep.trial import Outcome, TrialEnd, TrialReport, TrialState
from gensweep.worker import train_trials
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

ENDED = {"completed", "collapsed"}


def test_a_pack_that_lost_its_trials_drops_them_and_another_goes_on(small_sweep: Any) -> None:
    """Whoever comes back from a long silence may not end what others train by now."""
    _, silent = small_sweep.runner("silent")
    silent.pack.run(3)
    small_sweep.coordinator._study.fail_owner("silent", "silence")
    _, other = small_sweep.runner("other")
    silent.resume()
    assert silent.lanes.trials == {}
    assert {t.state for t in small_sweep.trials().values()} == {"leased"}
    other.resume()
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert {t.attempts for t in small_sweep.trials().values()} == {2}


def test_a_pack_is_refused_with_what_it_trained_under_an_earlier_lease(small_sweep: Any) -> None:
    """Its trials were taken back while it was silent, and it is the one that got them anew."""
    here, silent = small_sweep.runner("silent")
    coordinator = small_sweep.coordinator
    coordinator._study.fail_owner("silent", "silence")
    anew = coordinator.lease("silent", 3, {})
    assert [lease.id for lease in anew] == [(0, 2), (1, 2), (2, 2)]
    late = completed(number=0, nll=1.0)
    assert late.report is not None
    held = TrialReport(number=0, attempt=2, images=1280, metrics={"nll": 2.0})
    assert coordinator.report_rungs("silent", [late.report, held]) == ["lost", "continue"]
    coordinator.finish("silent", [late])
    pointer = {"owner": "silent", "step": 9}
    assert coordinator.checkpoint("silent", [(1, 1), (2, 2)], pointer) == [(1, 1)]
    records = small_sweep.trials()
    assert {records[n].state for n in range(3)} == {"leased"}
    assert [records[n].metrics for n in range(3)] == [{"nll": 2.0}, {}, {}]
    silent.lanes.fill(anew)  # in the place of what its lanes had
    assert sorted(t.lease.id for t in silent.lanes.trials.values()) == [(0, 2), (1, 2), (2, 2)]
    here.orders = ["stop"]
    silent.resume()
    assert {t.state for t in small_sweep.trials().values()} == {"leased"}


def test_a_verdict_on_an_earlier_lease_is_none_on_the_trial_that_is_trained_again(
    small_sweep: Any,
) -> None:
    """A pack that was silent hears that it lost trials once it has them again, and reports them."""
    here, runner = small_sweep.runner("silent")
    small_sweep.coordinator._study.fail_owner("silent", "silence")
    here.report(TrialReport(number=0, attempt=1, images=1280, metrics={"nll": 9.0}))
    here._sending[-1].result()
    runner.lanes.fill(here.lease(3, {}))
    runner._segment_ticks = 40  # until the rung
    here._asking.submit(time.sleep, 0.3)  # so that the earlier verdict is what comes
    runner.resume()
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert {t.attempts for t in small_sweep.trials().values()} == {2}


def completed(number: int, nll: float) -> TrialEnd:
    """The end of a trial whose last evaluation nobody has heard of yet."""
    report = TrialReport(number=number, attempt=1, images=2560, metrics={"nll": nll})
    return TrialEnd(
        number=number, attempt=1, state=TrialState.COMPLETED, cause="", images=2560,
        outcome="converged", report=report,
    )  # fmt: skip


def lose_one(small_sweep: Any) -> int:
    """Give one of the three trials of the pack "first" to another one; its number."""
    study = small_sweep.coordinator._study
    study._returns.take_back_one(study._ledger.entries[1], Loss())
    (lost,) = small_sweep.coordinator.lease("another", 1, {})
    return int(lost.number)


def test_only_the_lost_lane_is_dropped_when_lanes_are_saved(small_sweep: Any) -> None:
    here, runner = small_sweep.runner("first")
    here.orders = ["save", "go"]
    lost = lose_one(small_sweep)
    runner.resume()
    states = {n: t.state for n, t in small_sweep.trials().items()}
    assert states.pop(lost) == "leased"
    assert set(states.values()) <= ENDED


def test_weights_stand_before_the_ledger_says_that_a_trial_ended(small_sweep: Any) -> None:
    """Those of trials that end together are one object, from which each can be had."""
    _, runner = small_sweep.runner("first")
    runner.resume()
    states = [
        LaneState.from_bytes(load_trained_lane(small_sweep.store, small_sweep.result(n)))
        for n in range(3)
    ]
    assert [s.meta["seed"] for s in states] == [t.seed for t in small_sweep.trials().values()]
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert len(small_sweep.store.list("sweeps/small/trials/")) == 2  # the bytes, and their manifest


def test_a_pack_that_died_leaves_its_traceback_and_its_cause(small_sweep: Any) -> None:
    for attempt in range(2 + 3):  # all of them twice, then each alone
        here, _ = small_sweep.runner(f"pack-{attempt}")
        here.record_pack_error(
            "Traceback (most recent call last):\n  ...\nRuntimeError: shapes do not fit"
        )
        small_sweep.coordinator.end_pack(f"pack-{attempt}", died=True)
    for number, trial in small_sweep.trials().items():
        assert (trial.state, trial.attempts) == ("failed", 3)
        assert "RuntimeError: shapes do not fit" in trial.cause
        assert small_sweep.result(number)["outcome"] == "failed"
        text = small_sweep.store.get(f"sweeps/small/trials/{number:04d}/traceback.txt").decode()
        assert text.startswith("Traceback")
    assert len(small_sweep.coordinator.summary().notes) == 5
    assert small_sweep.coordinator.summary().images_left == 0


def test_trials_chosen_for_a_pack_that_stops_wait_again(open_small_sweep: Any) -> None:
    """The coordinator chose them while the ones before were evaluated."""
    small_sweep = open_small_sweep(trials=6, rungs=1)
    here, runner = small_sweep.runner("first")
    here.orders, runner._segment_ticks = ["stop"], 40
    runner.resume()
    states = Counter(t.state in ENDED or t.state for t in small_sweep.trials().values())
    assert states == {True: 3, "leased": 3}
    small_sweep.coordinator.end_pack("first", died=False)
    here, runner = small_sweep.runner("second")
    assert sorted(trial.number for trial in runner.lanes.trials.values()) == [3, 4, 5]
    runner.resume()
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert {t.attempts for t in small_sweep.trials().values()} == {1, 2}


def test_a_pack_that_stops_gets_no_more_trials(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=6, rungs=1)
    here, runner = small_sweep.runner("first")
    here.orders, runner._segment_ticks = ["stop"], 40
    runner.resume()
    assert here.lease(3, None) == []


@pytest.mark.parametrize("trials", [1, 3])
def test_no_trial_ends_whose_last_report_was_lost(
    open_small_sweep: Any, trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sweep = open_small_sweep(trials=trials)
    here, runner = small_sweep.runner("first")
    failing = [OSError("the disk is full")]
    reports = small_sweep.coordinator.report_rungs

    def fails(*args: Any) -> Any:
        if failing:
            raise failing.pop()
        return reports(*args)

    monkeypatch.setattr(small_sweep.coordinator, "report_rungs", fails)
    with pytest.raises(OSError, match="the disk is full"):
        runner.resume()
    here.finish(completed(number=0, nll=35.0), b"", b"", {})
    with pytest.raises(OSError, match="the disk is full"):
        here.settle()
    assert {t.state for t in small_sweep.trials().values()} == {"leased"}


def test_several_reports_are_one_call_and_a_lost_trial_is_told(small_sweep: Any) -> None:
    here, _ = small_sweep.runner("first")
    gone = lose_one(small_sweep)
    calls = []
    request = here._ask
    here._ask = lambda method, *args: (calls.append(method.__name__), request(method, *args))[1]
    here._asking.submit(time.sleep, 0.3)  # while the coordinator is busy
    for number in range(3):
        here.report(TrialReport(number=number, attempt=1, images=640, metrics={"nll": 40.0}))
    assert here.verdicts(wait=True) == {
        (n, 1): "lost" if n == gone else "continue" for n in range(3)
    }
    assert calls == ["report_rungs"]


def test_what_was_expected_is_given_back_too(open_small_sweep: Any) -> None:
    here, _ = open_small_sweep(trials=6).runner("first")
    here.prefetch_leases(3, {})
    here.release_all()
    assert sorted(lease.number for lease in here.lease(6, None)) == list(range(6))


def test_checkpoints_of_trials_that_wait_outlive_those_of_a_narrower_pack(small_sweep: Any) -> None:
    here, runner = small_sweep.runner("first")
    runner.pack.run(2)
    runner.save()
    here.release_all()
    (first,) = here.lease(1, None)
    for _ in range(4):
        here.checkpoints({first.id: b"state"})
    here.settle()
    waiting = here.lease(2, None)
    assert len(waiting) == 2
    assert all(here.restore(lease.checkpoint, lease.number) for lease in waiting)
    assert here.restore(
        small_sweep.coordinator._study._ledger.entries[first.number].checkpoint, first.number
    )


@pytest.mark.slow("trains a pack twice", minutes=0.3)
def test_ends_that_were_told_are_kept_when_the_pack_dies(
    small_sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the evaluation of a lane costs the lanes before it nothing."""
    here, runner = small_sweep.runner("first")
    judge, seen = runner.evaluator._evaluate_lane, []

    def fails(*args: Any) -> Any:
        seen.append(args)
        if len(seen) == 3 * 2:  # the last lane at its second rung
            raise OSError("the disk is full")
        return judge(*args)

    monkeypatch.setattr(type(runner.evaluator), "_evaluate_lane", staticmethod(fails))
    with pytest.raises(OSError, match="the disk is full"):
        runner.resume()
    here.settle()
    states = [small_sweep.trials()[n].state for n in range(3)]
    assert sum(state in ENDED for state in states) == 2


def test_a_trial_that_diverges_at_an_early_rung_is_compared_there(
    open_small_sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its value is told at once, as others are ranked by it, and its end has its metrics."""
    small_sweep = open_small_sweep(pruner="median")
    _, runner = small_sweep.runner("first")
    judge, seen = runner.evaluator._evaluate_lane, []

    def diverges(*args: Any) -> Any:
        seen.append(args)
        found = judge(*args)
        return dataclasses.replace(found, outcome=Outcome.DIVERGED) if len(seen) == 1 else found

    monkeypatch.setattr(type(runner.evaluator), "_evaluate_lane", staticmethod(diverges))
    told = []
    report = small_sweep.coordinator.report_rungs
    monkeypatch.setattr(
        small_sweep.coordinator,
        "report_rungs",
        lambda owner, reports: (told.extend(reports), report(owner, reports))[1],
    )
    runner.resume()
    (lost,) = [t for t in small_sweep.trials().values() if t.state == "diverged"]
    assert lost.images < small_sweep.sweep.budget_images
    assert [r.number for r in told].count(lost.number) == 1
    assert "frechet" in lost.metrics


def test_pruned_trials_end_early_with_what_they_were(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(pruner="asha")
    _, runner = small_sweep.runner("first")
    runner.resume()
    trials = small_sweep.trials()
    pruned = [t for t in trials.values() if t.state == "pruned"]
    assert 1 <= len(pruned) < 3
    assert all(
        0 < t.images < small_sweep.sweep.budget_images and "nll" in t.metrics for t in pruned
    )
    assert all(small_sweep.result(t.number)["outcome"] == "pruned" for t in pruned)
    assert all(
        t.images >= small_sweep.sweep.budget_images for t in trials.values() if t.state in ENDED
    )


@pytest.mark.slow("a cohort waits at every rung", minutes=0.1)
def test_a_cohort_is_judged_together_and_goes_on_where_it_was_set_aside(
    open_small_sweep: Any,
) -> None:
    """At any width: a trial that waits leaves its lane, and its last bits are the same."""
    found = []
    for width in (6, 2):
        small = open_small_sweep(f"{width}", pruner="halving", trials=6, width=width, rungs=3)
        here = small.in_process("pack")
        train_trials(small.sweep, here, small.evaluator, small.source)
        assert small.coordinator.has_waiting_trials() is None
        trials = small.trials().values()
        found.append([(t.state, t.images, t.cause, t.metrics) for t in trials])
        for trial in trials:
            assert small.result(trial.number)["outcome"] in {trial.state, *Outcome}
            assert (
                LaneState.from_bytes(
                    load_trained_lane(small.store, small.result(trial.number))
                ).meta["seed"]
                == trial.seed
            )
        assert max(trial.attempts for trial in trials) > 1
    assert found[0] == found[1]
    images = Counter(images for _, images, *_ in found[0])
    assert images == {320: 4, 896: 1, 2560: 1}
    for trial in small.trials().values():  # pictures of earlier rungs outlive the waits
        grids = load_rung_grids(small.store, small.result(trial.number))
        assert list(grids) == [at for at in (320, 896) if at < trial.images]
        assert all(png.startswith(b"\x89PNG") for png in grids.values())


def test_a_sweep_ends_with_the_images_it_may_see(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(max_images=2 * 2560 + 1)
    _, runner = small_sweep.runner("first")
    runner.resume()
    assert len(small_sweep.trials()) == 2
    assert small_sweep.coordinator.has_waiting_trials() is None


def test_a_trial_that_still_gains_variety_is_slow_and_not_collapsed(open_small_sweep: Any) -> None:
    """And what it had before outlives its pack: then it has collapsed, if it has less.

    The cause says since when, between which evaluations.
    """
    small_sweep = open_small_sweep(rungs=1)
    _, runner = small_sweep.runner("first")
    trial = next(iter(runner.lanes.trials.values()))
    course = (
        (0.1, "collapsed", "few; began by 640 images"),
        (0.2, "unconverged", "few, still gaining variety"),
        (0.2, "collapsed", "few; began between 1,280 and 1,920 images"),
        (0.2, "collapsed", "few; began between 1,280 and 1,920 images"),
    )
    for number, (variety, outcome, cause) in enumerate(course, 1):
        below = Evaluation(metrics={}, outcome=Outcome.COLLAPSED, cause="few", variety=variety)
        found = trial.reconsider(below, 640 * number)
        assert (found.outcome, found.cause) == (outcome, cause)
    shares = (0.5, 0.0, 0.25, 0.0, 0.0)  # at points between the evaluations
    parts = [LanePoint(10 * n, {"active_share": share}) for n, share in enumerate(shares, 1)]
    trial.remember(parts, 64, 0)
    assert trial.reconsider(below, 3200).cause == (
        "few; began between 1,280 and 1,920 images; active_share 0 from 2,560 images on"
    )
    runner.pack.run(2)
    runner.save()
    runner.coordinator.settle()
    small_sweep.coordinator.end_pack("first", died=False)
    _, again = small_sweep.runner("second")
    assert {s.number: s.peak_variety for s in again.lanes.trials.values()} == {
        n: 0.2 if n == trial.number else None for n in range(3)
    }
    onsets = {s.number: s.onset.words for s in again.lanes.trials.values()}
    assert onsets.pop(trial.number) == "began between 1,280 and 1,920 images"
    assert set(onsets.values()) == {""}


@pytest.mark.slow("two strata are trained and evaluated", minutes=0.3)
def test_a_stratum_under_a_condition_has_its_pack(open_small_sweep: Any) -> None:
    """`layers` is searched for one decoder only; the others have their pack all the same."""
    space = {
        "decoder": Categorical(("bernoulli", "gaussian")),
        "layers": Categorical((1, 2), when={"decoder": ("gaussian",)}),
        "learning_rate": Real(1e-4, 1e-2, log=True),
    }
    small_sweep = open_small_sweep(
        space=space,
        fixed={"hidden": 16, "batch_size": 64},
        target="frechet",
        budget_images=640,
        trials=3,
    )
    train_trials(
        small_sweep.sweep,
        small_sweep.in_process("first"),
        small_sweep.evaluator,
        small_sweep.source,
    )
    params = [t.params for t in small_sweep.trials().values()]
    assert {(p["decoder"], p.get("layers")) for p in params} == {
        ("bernoulli", None), ("gaussian", 1), ("gaussian", 2),
    }  # fmt: skip
    assert {t.state for t in small_sweep.trials().values()} <= ENDED


def test_packs_that_die_before_they_have_trials_are_told(small_sweep: Any) -> None:
    here = small_sweep.in_process("pack-1-abc")
    here.record_pack_error("Traceback\n  ...\nUserError: no credentials on this worker")
    small_sweep.coordinator.end_pack("pack-1-abc", died=True)
    small_sweep.coordinator.end_pack("pack-2-xyz", died=True)
    assert list(small_sweep.coordinator.summary().notes) == [
        "a pack died of UserError: no credentials on this worker",
        "a pack died of the end of its process",
    ]


def test_trials_of_a_pack_that_lost_its_host_wait_again(small_sweep: Any) -> None:
    for attempt in range(4):  # more often than packs may die of a trial
        owner = f"pack-{attempt}-abc"
        small_sweep.coordinator.register_nodes(owner, {f"node-{attempt}"})
        known = (False, {f"node-{attempt}": 0}, False, 0, 0, False)
        assert small_sweep.coordinator.pack_status(owner) == known
        small_sweep.runner(owner)
        assert small_sweep.coordinator.pack_status(owner) == (True, *known[1:])
        small_sweep.coordinator.end_pack(owner, died=True, host_lost=True)
    assert small_sweep.coordinator.pack_status("none") == (False, {}, False, 0, 0, False)
    assert {t.state for t in small_sweep.trials().values()} == {"queued"}
    shown = [small_sweep.result(number) for number in small_sweep.trials()]
    assert {(t["pack_losses"], t["host_losses"]) for t in shown} == {(0, 4)}
    assert (
        list(small_sweep.coordinator.summary().notes) == ["a pack died of the loss of its host"] * 4
    )


def test_what_a_lost_pack_still_writes_replaces_nothing(small_sweep: Any) -> None:
    """Two packs end the same trial: the weights are those of the one that still had it."""
    _, silent = small_sweep.runner("silent")
    small_sweep.coordinator._study.fail_owner("silent", "silence")
    _, other = small_sweep.runner("other")
    other.resume()
    mine = load_trained_lane(small_sweep.store, small_sweep.result(0))
    state = silent.pack.take(0).to_bytes()
    end = TrialEnd(number=0, attempt=1, state=TrialState.COMPLETED, cause="", images=0,
                   outcome="converged")  # fmt: skip
    silent.coordinator.finish(end, state, b"", {})
    silent.coordinator.settle()
    assert load_trained_lane(small_sweep.store, small_sweep.result(0)) == mine != state


@pytest.mark.slow("trains until the second checkpoint", minutes=0.3)
def test_checkpoints_go_once_every_trial_has_ended(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep()
    here, runner = small_sweep.runner("first")
    here.orders = ["save", "stop"]
    runner.resume()
    small_sweep.close()
    assert len(small_sweep.store.list("sweeps/small/checkpoints/")) > 0
    again = open_small_sweep()
    train_trials(again.sweep, again.in_process("second"), again.evaluator, again.source)
    again.close()
    assert again.store.list("sweeps/small/checkpoints/") == []
    assert all(load_trained_lane(again.store, again.result(number)) for number in range(3))


def test_progress_tells_the_best_of_finished_trials_and_until_then_of_others(
    small_sweep: Any,
) -> None:
    here, _ = small_sweep.runner("first")
    line = progress_line(small_sweep.coordinator.summary(), 0.0, 0.0, 5.0)
    assert line == "     5 s  3 training  |  no result yet  |  0 examples/s  |  measuring the pace"
    for number, nll in enumerate((40.0, 30.0)):
        here.report(TrialReport(number=number, attempt=1, images=1280, metrics={"nll": nll}))
    assert here.verdicts(wait=True) == {(0, 1): "continue", (1, 1): "continue"}
    line = progress_line(small_sweep.coordinator.summary(), 100.0, 50.0, 65.0)
    assert "nll 30 so far, of the trials that train  |  100 examples/s" in line
    assert small_sweep.coordinator.summary().images_left == 3 * 2560 - 2 * 1280
    assert line.endswith(f"{(3 * 2560 - 2 * 1280) / 50:.0f} s left")
    here.finish(completed(number=0, nll=35.0), b"", b"", {})
    here.settle()
    summary = small_sweep.coordinator.summary()
    assert "best nll 35  |" in progress_line(summary, 0.0, 1.0, 9.0)
    trained = dataclasses.replace(summary, images_left=0)
    assert progress_line(trained, 0.0, 1.0, 9.0).endswith("|  all trained, evaluating the last")


def test_rungs_before_all_players_have_begun_are_left_out(open_small_sweep: Any) -> None:
    """Samples would come from an untrained prior, and a pruner would act on them."""
    small_sweep = open_small_sweep(
        model=CATALOG["vqvae"], target=None, trials=2, width=2, rungs=4, budget_images=2048,
        space={"learning_rate": Real(1e-4, 1e-2, log=True)},
        fixed={"channels": 8, "blocks": 1, "codes": 8, "prior_channels": 8, "prior_layers": 1,
               "batch_size": 64, "stage_fraction": 0.5},
    )  # fmt: skip
    _, runner = small_sweep.runner("first")
    assert small_sweep.sweep.rung_images == (512, 1024, 1536, 2048)
    assert {trial.stops for trial in runner.lanes.trials.values()} == {(24, 32)}
