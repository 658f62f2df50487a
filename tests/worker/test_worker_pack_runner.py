"""A pack at its coordinator, in one process: what becomes of trials that are lost, pruned or
broken."""

import dataclasses
import time
from collections import Counter
from typing import Any

import pytest
import torch

from gensweep.driver._progress import progress_line
from gensweep.evaluation import Likelihood, evaluate_on_test, told
from gensweep.evaluation._reference import examples
from gensweep.lanes import LaneState
from gensweep.storage import load_trained_lane
from gensweep.worker._train import train_trials
from gensweep_models.space import Categorical, Real

ENDED = {"completed", "collapsed"}


def test_a_pack_that_lost_its_trials_drops_them_and_another_goes_on(small_sweep: Any) -> None:
    """Whoever comes back from a long silence may not end what others train by now."""
    _, silent = small_sweep.runner("silent")
    silent.pack.run(3)
    small_sweep.coordinator._study.fail_owner("silent", "silence")
    _, other = small_sweep.runner("other")
    silent.run()
    assert silent.seats == {}
    assert {t.state for t in small_sweep.trials().values()} == {"leased"}
    other.run()
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert {t.attempts for t in small_sweep.trials().values()} == {2}


def test_only_the_lost_lane_is_dropped_when_lanes_are_saved(small_sweep: Any) -> None:
    here, runner = small_sweep.runner("first")
    here.orders = ["save", "go"]
    lost = runner.seats[1].lease.number
    mine = small_sweep.coordinator._leases[lost]
    small_sweep.coordinator._leases[lost] = dataclasses.replace(mine, owner="another")
    runner.run()
    states = {n: t.state for n, t in small_sweep.trials().items()}
    assert states.pop(lost) == "leased"
    assert set(states.values()) <= ENDED


def test_weights_stand_before_the_ledger_says_that_a_trial_ended(small_sweep: Any) -> None:
    """Those of trials that end together are one object, from which each can be had."""
    _, runner = small_sweep.runner("first")
    runner.run()
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
        here.died("Traceback (most recent call last):\n  ...\nRuntimeError: shapes do not fit")
        small_sweep.coordinator.release(f"pack-{attempt}", died=True)
    for number, trial in small_sweep.trials().items():
        assert (trial.state, trial.attempts) == ("failed", 3)
        assert "RuntimeError: shapes do not fit" in trial.cause
        assert small_sweep.result(number)["outcome"] == "failed"
        text = small_sweep.store.get(f"sweeps/small/trials/{number:04d}/traceback.txt").decode()
        assert text.startswith("Traceback")
    assert len(small_sweep.coordinator.summary()["notes"]) == 5
    assert small_sweep.coordinator.summary()["left"] == 0


def test_trials_chosen_for_a_pack_that_stops_wait_again(open_small_sweep: Any) -> None:
    """The coordinator chose them while the ones before were evaluated."""
    small_sweep = open_small_sweep(trials=6, rungs=1)
    here, runner = small_sweep.runner("first")
    here.orders, runner._segment = ["stop"], 40
    runner.run()
    states = Counter(t.state in ENDED or t.state for t in small_sweep.trials().values())
    assert states == {True: 3, "leased": 3}
    small_sweep.coordinator.release("first", died=False)
    here, runner = small_sweep.runner("second")
    assert sorted(seat.lease.number for seat in runner.seats.values()) == [3, 4, 5]
    runner.run()
    assert {t.state for t in small_sweep.trials().values()} <= ENDED
    assert {t.attempts for t in small_sweep.trials().values()} == {1, 2}


def test_a_pack_that_stops_gets_no_more_trials(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=6, rungs=1)
    here, runner = small_sweep.runner("first")
    here.orders, runner._segment = ["stop"], 40
    runner.run()
    assert here.lease(3, None) == []


@pytest.mark.parametrize("trials", [1, 3])
def test_no_trial_ends_whose_last_report_was_lost(
    open_small_sweep: Any, trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sweep = open_small_sweep(rungs=1, trials=trials)
    here, runner = small_sweep.runner("first")
    failing = [OSError("the disk is full")]
    reports = small_sweep.coordinator.reports

    def fails(*args: Any) -> Any:
        if failing:
            raise failing.pop()
        return reports(*args)

    monkeypatch.setattr(small_sweep.coordinator, "reports", fails)
    with pytest.raises(OSError, match="the disk is full"):
        runner.run()
    with pytest.raises(OSError, match="the disk is full"):
        here.settle()
    assert {t.state for t in small_sweep.trials().values()} == {"leased"}


def test_several_reports_are_one_call_and_a_lost_trial_is_told(small_sweep: Any) -> None:
    here, runner = small_sweep.runner("first")
    gone = runner.seats[1].lease.number
    small_sweep.coordinator._leases[gone] = dataclasses.replace(
        small_sweep.coordinator._leases[gone], owner="another"
    )
    calls = []
    request = here._ask
    here._ask = lambda name, *args: (calls.append(name), request(name, *args))[1]
    here._asking.submit(time.sleep, 0.3)  # while the coordinator is busy
    for number in range(3):
        here.report(number, 640, {"nll": 40.0}, b"")
    assert here.verdicts(True) == {n: "lost" if n == gone else "continue" for n in range(3)}
    assert calls == ["reports"]


def test_what_was_expected_is_given_back_too(open_small_sweep: Any) -> None:
    here, _ = open_small_sweep(trials=6).runner("first")
    here.expect(3, {})
    here.give_back()
    assert sorted(lease.number for lease in here.lease(6, None)) == list(range(6))


def test_checkpoints_of_trials_that_wait_outlive_those_of_a_narrower_pack(small_sweep: Any) -> None:
    here, runner = small_sweep.runner("first")
    runner.pack.run(2)
    runner._save()
    here.give_back()
    (first,) = here.lease(1, None)
    for _ in range(4):
        here.checkpoints({first.number: b"state"})
    here.settle()
    waiting = here.lease(2, None)
    assert len(waiting) == 2
    assert all(here.restore(lease.checkpoint, lease.number) for lease in waiting)
    assert here.restore(
        small_sweep.coordinator._study._ledger.entries[first.number].checkpoint, first.number
    )


def test_ends_that_were_told_are_kept_when_the_pack_dies(
    small_sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the evaluation of a lane costs the lanes before it nothing."""
    here, runner = small_sweep.runner("first")
    judged, seen = runner.lane_evaluator._judged, []

    def fails(*args: Any) -> Any:
        seen.append(args)
        if len(seen) == 3 * 2:  # the last lane at its second rung
            raise OSError("the disk is full")
        return judged(*args)

    monkeypatch.setattr(type(runner.lane_evaluator), "_judged", staticmethod(fails))
    with pytest.raises(OSError, match="the disk is full"):
        runner.run()
    here.settle()
    states = [small_sweep.trials()[n].state for n in range(3)]
    assert sum(state in ENDED for state in states) == 2


def test_pruned_trials_end_early_with_what_they_were(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(pruner="asha")
    _, runner = small_sweep.runner("first")
    runner.run()
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


def test_a_sweep_ends_with_the_images_it_may_see(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(max_images=2 * 2560 + 1)
    _, runner = small_sweep.runner("first")
    runner.run()
    assert len(small_sweep.trials()) == 2
    assert small_sweep.coordinator.waiting() is None


def test_a_trial_that_still_gains_variety_is_slow_and_not_collapsed(open_small_sweep: Any) -> None:
    """And what it had before outlives its pack: then it has collapsed, if it has less."""
    small_sweep = open_small_sweep(rungs=1)
    _, runner = small_sweep.runner("first")
    seat = next(iter(runner.seats.values()))
    below = {"outcome": "collapsed", "state": "collapsed", "cause": "few"}
    for variety, outcome in ((0.1, "collapsed"), (0.2, "unconverged"), (0.2, "collapsed")):
        result = below | {"variety": variety}
        seat.reconsider(result)
        assert result["outcome"] == outcome
    runner.pack.run(2)
    runner._save()
    runner.coordinator.settle()
    small_sweep.coordinator.release("first", died=False)
    _, again = small_sweep.runner("second")
    assert {s.lease.number: s.variety for s in again.seats.values()} == {
        n: 0.2 if n == seat.lease.number else None for n in range(3)
    }


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
        small_sweep.sweep, small_sweep.here("first"), small_sweep.lane_evaluator, small_sweep.source
    )
    params = [t.params for t in small_sweep.trials().values()]
    assert {(p["decoder"], p.get("layers")) for p in params} == {
        ("bernoulli", None), ("gaussian", 1), ("gaussian", 2),
    }  # fmt: skip
    assert {t.state for t in small_sweep.trials().values()} <= ENDED


def test_saving_in_the_middle_changes_nothing(open_small_sweep: Any) -> None:
    """A pack told to save and stop, and its trials taken up by another, give the same numbers."""
    (whole, parts) = (open_small_sweep(name) for name in ("whole", "parts"))
    whole.runner("first")[1].run()
    here, runner = parts.runner("first")
    here.orders = ["go", "go", "go", "stop"]
    runner.run()
    parts.coordinator.release("first", died=False)
    assert {t.state for t in parts.trials().values()} == {"queued"}
    here, runner = parts.runner("first")
    assert all(0 < runner.pack.lane(i).images_seen < 2560 for i in range(3))
    runner.run()
    nll = [{n: (t.metrics, t.images) for n, t in o.trials().items()} for o in (whole, parts)]
    assert nll[0] == nll[1]


def test_packs_train_in_the_sweeps_precision(open_small_sweep: Any) -> None:
    """Which changes numbers, a little."""
    nll = []
    for precision in (None, "bf16"):
        small_sweep = open_small_sweep(str(precision), precision=precision)
        _, runner = small_sweep.runner("first")
        assert runner.pack.precision == (precision or "fp32")
        runner.run()
        nll.append([t.metrics["nll"] for t in small_sweep.trials().values()])
    assert nll[0] != nll[1]
    assert nll[1] == pytest.approx(nll[0], rel=0.05)


def test_lanes_that_nobody_fills_are_given_up(open_small_sweep: Any) -> None:
    """The trials go on where they were, bit for bit, and only they are computed."""
    small_sweep = open_small_sweep(width=8)
    _, runner = small_sweep.runner("first")
    runner.pack.run(3)
    runner.drop(1)
    before = [runner.pack.take(slot).to_bytes() for slot in (0, 2)]
    runner._close_up()
    assert [runner.pack.take(slot).to_bytes() for slot in (0, 1)] == before
    computed, ticks = runner.pack.turns_computed, runner.pack.lane(0).ticks
    runner.run()
    assert runner.pack.turns_computed - computed == 2 * (2560 // 64 - ticks)
    assert {n for n, t in small_sweep.trials().items() if t.state in ENDED} == {0, 2}


def test_empty_lanes_change_no_number(open_small_sweep: Any) -> None:
    nll = []
    for width in (3, 8):
        small_sweep = open_small_sweep(str(width), width=width)
        _, runner = small_sweep.runner("first")
        runner.run()
        nll.append({n: (t.metrics, t.images, t.cause) for n, t in small_sweep.trials().items()})
    assert nll[0] == nll[1]


def test_a_lane_is_never_alone_but_in_a_pack_of_one(open_small_sweep: Any) -> None:
    """Alone it would take other kernels, and its numbers depend on when the others ended."""
    small_sweep = open_small_sweep(width=8)
    _, runner = small_sweep.runner("first")
    for slot in (0, 2):
        runner.drop(slot)
    runner.run()
    assert runner.pack.turns_computed == 2 * 2560 // 64


def test_packs_that_die_before_they_have_trials_are_told(small_sweep: Any) -> None:
    here = small_sweep.here("pack-1-abc")
    here.died("Traceback\n  ...\nUserError: no credentials on this worker")
    small_sweep.coordinator.release("abc", died=True)
    small_sweep.coordinator.release("xyz", died=True)
    assert small_sweep.coordinator.summary()["notes"] == [
        "a pack died of UserError: no credentials on this worker",
        "a pack died of the end of its process",
    ]


def test_trials_of_a_pack_that_lost_its_host_wait_again(small_sweep: Any) -> None:
    for attempt in range(4):  # more often than packs may die of a trial
        owner = f"pack-{attempt}-abc"
        small_sweep.coordinator.runs_on(owner, {f"node-{attempt}"})
        assert small_sweep.coordinator.found(f"{attempt}-abc") == (False, {f"node-{attempt}"})
        small_sweep.runner(owner)
        assert small_sweep.coordinator.found(f"{attempt}-abc") == (True, {f"node-{attempt}"})
        small_sweep.coordinator.release(f"{attempt}-abc", died=True, host=True)
    assert small_sweep.coordinator.found("none") == (False, set())
    assert {t.state for t in small_sweep.trials().values()} == {"queued"}
    shown = [small_sweep.result(number) for number in small_sweep.trials()]
    assert {(t["pack_losses"], t["host_losses"]) for t in shown} == {(0, 4)}
    assert small_sweep.coordinator.summary()["notes"] == ["a pack died of the loss of its host"] * 4


def test_what_a_lost_pack_still_writes_replaces_nothing(small_sweep: Any) -> None:
    """Two packs end the same trial: the weights are those of the one that still had it."""
    _, silent = small_sweep.runner("silent")
    small_sweep.coordinator._study.fail_owner("silent", "silence")
    _, other = small_sweep.runner("other")
    other.run()
    mine = load_trained_lane(small_sweep.store, small_sweep.result(0))
    state = silent.pack.take(0).to_bytes()
    silent.coordinator.finish(0, "completed", "", {"weights": state, "metrics": {}})
    silent.coordinator.settle()
    assert load_trained_lane(small_sweep.store, small_sweep.result(0)) == mine != state


def test_the_best_trial_is_measured_on_examples_that_chose_none(small_sweep: Any) -> None:
    _, runner = small_sweep.runner("first")
    runner.run()
    found = evaluate_on_test(small_sweep.plan, small_sweep.store, small_sweep.result(1))
    ranked = small_sweep.lane_evaluator.likelihood
    assert (found["protocol"]["examples"], len(ranked.examples)) == (177, 178)
    game = small_sweep.sweep.model.game(small_sweep.sweep.config({}), small_sweep.plan.dataset)
    test = examples(small_sweep.plan.test, 10_000)["x"]
    rest = Likelihood.of_game(game, test, "test", rest=True)
    assert rest is not None
    both = torch.cat([rest.examples, ranked.examples]).flatten(1)
    assert torch.equal(both.sum(1).sort().values, test.flatten(1).sum(1).sort().values)
    nll, error = (found["metrics"][n] for n in ("nll", "nll_standard_error"))
    assert nll == pytest.approx(small_sweep.trials()[1].metrics["nll"], abs=6 * error)
    assert told(found).startswith(f"trial 1, nll {nll:.2f} ± {error:.2f} nats, iwae, on the 177 ")


def test_checkpoints_go_once_every_trial_has_ended(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep()
    here, runner = small_sweep.runner("first")
    here.orders = ["save", "stop"]
    runner.run()
    small_sweep.close()
    assert len(small_sweep.store.list("sweeps/small/checkpoints/")) > 0
    again = open_small_sweep()
    train_trials(again.sweep, again.here("second"), again.lane_evaluator, again.source)
    again.close()
    assert again.store.list("sweeps/small/checkpoints/") == []
    assert all(load_trained_lane(again.store, again.result(number)) for number in range(3))


def test_progress_tells_the_best_of_finished_trials_and_until_then_of_others(
    small_sweep: Any,
) -> None:
    here, _ = small_sweep.runner("first")
    line = progress_line(small_sweep.coordinator.summary(), 0.0, 0.0, 5.0)
    assert line == "     5 s  3 training  |  no result yet  |  0 images/s  |  measuring the pace"
    here.report(0, 1280, {"nll": 40.0}, b"")
    here.report(1, 1280, {"nll": 30.0}, b"")
    assert here.verdicts(True) == {0: "continue", 1: "continue"}
    line = progress_line(small_sweep.coordinator.summary(), 100.0, 50.0, 65.0)
    assert "nll 30 so far, unfinished  |  100 images/s" in line
    assert small_sweep.coordinator.summary()["left"] == 3 * 2560 - 2 * 1280
    assert line.endswith(f"{(3 * 2560 - 2 * 1280) / 50:.0f} s left")
    here.finish(0, "completed", "", {"metrics": {"nll": 35.0}})
    here.settle()
    assert "best nll 35  |" in progress_line(small_sweep.coordinator.summary(), 0.0, 1.0, 9.0)
