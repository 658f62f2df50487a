"""A pack's numbers: the same however it is saved, filled or given up, and on held-out examples."""

from typing import Any

import pytest
import torch

from gensweep.evaluation import Likelihood, draw_examples, evaluate_on_test
from gensweep.storage import load_trained_lane

ENDED = {"completed", "collapsed"}


@pytest.mark.slow("several packs are trained", minutes=0.1)
def test_saving_in_the_middle_changes_nothing(open_small_sweep: Any) -> None:
    """A pack told to save and stop, and its trials taken up by another, give the same numbers."""
    (whole, parts) = (open_small_sweep(name) for name in ("whole", "parts"))
    whole.runner("first")[1].resume()
    here, runner = parts.runner("first")
    here.orders = ["go", "go", "go", "stop"]
    runner.resume()
    parts.coordinator.end_pack("first", died=False)
    assert {t.state for t in parts.trials().values()} == {"queued"}
    here, runner = parts.runner("second")
    assert all(0 < runner.pack.lane(i).images_seen < 2560 for i in range(3))
    runner.resume()
    nll = [{n: (t.metrics, t.images) for n, t in o.trials().items()} for o in (whole, parts)]
    assert nll[0] == nll[1]


@pytest.mark.slow("two packs are traced", minutes=0.1)
def test_packs_train_in_the_sweeps_precision(open_small_sweep: Any) -> None:
    """Which changes numbers, a little."""
    nll = []
    for precision in (None, "bf16"):
        small_sweep = open_small_sweep(str(precision), precision=precision)
        _, runner = small_sweep.runner("first")
        assert runner.pack.precision == (precision or "fp32")
        runner.resume()
        nll.append([t.metrics["nll"] for t in small_sweep.trials().values()])
    assert nll[0] != nll[1]
    assert nll[1] == pytest.approx(nll[0], rel=0.05)


@pytest.mark.slow("several packs are trained", minutes=0.1)
def test_lanes_that_nobody_fills_are_given_up(open_small_sweep: Any) -> None:
    """The trials go on where they were, bit for bit, and only they are computed."""
    small_sweep = open_small_sweep(width=8)
    _, runner = small_sweep.runner("first")
    runner.pack.run(3)
    runner.lanes.drop(1)
    before = [runner.pack.take(slot).to_bytes() for slot in (0, 2)]
    runner.lanes.compact()
    assert [runner.pack.take(slot).to_bytes() for slot in (0, 1)] == before
    computed, ticks = runner.pack.turns_computed, runner.pack.lane(0).ticks
    runner.resume()
    assert runner.pack.turns_computed - computed == 2 * (2560 // 64 - ticks)
    assert {n for n, t in small_sweep.trials().items() if t.state in ENDED} == {0, 2}


def test_empty_lanes_change_no_number(open_small_sweep: Any) -> None:
    nll = []
    for width in (3, 8):
        small_sweep = open_small_sweep(str(width), width=width)
        _, runner = small_sweep.runner("first")
        runner.resume()
        nll.append({n: (t.metrics, t.images, t.cause) for n, t in small_sweep.trials().items()})
    assert nll[0] == nll[1]


def test_a_lane_is_never_alone_but_in_a_pack_of_one(open_small_sweep: Any) -> None:
    """Alone it would take other kernels, and its numbers depend on when the others ended."""
    small_sweep = open_small_sweep(width=8)
    _, runner = small_sweep.runner("first")
    for slot in (0, 2):
        runner.lanes.drop(slot)
    runner.resume()
    assert runner.pack.turns_computed == 2 * 2560 // 64


def test_the_best_trial_is_measured_on_examples_that_chose_none(small_sweep: Any) -> None:
    _, runner = small_sweep.runner("first")
    runner.resume()
    lane = load_trained_lane(small_sweep.store, small_sweep.result(1))
    params = small_sweep.trials()[1].params
    found = evaluate_on_test(small_sweep.sweep, *small_sweep.plan.splits, 1, params, lane)
    assert found is not None
    ranked = small_sweep.evaluator.likelihood
    assert (found.protocol["examples"], len(ranked.examples["x"])) == (177, 178)
    game = small_sweep.sweep.model.game(small_sweep.sweep.config({}), small_sweep.plan.dataset)
    test = draw_examples(small_sweep.plan.test, 10_000)
    rest = Likelihood.of_game(game, test, "test", rest=True)
    assert rest is not None
    both = torch.cat([rest.examples["x"], ranked.examples["x"]]).flatten(1)
    assert torch.equal(both.sum(1).sort().values, test["x"].flatten(1).sum(1).sort().values)
    nll, error = (found.metrics[n] for n in ("nll", "nll_standard_error"))
    assert nll == pytest.approx(small_sweep.trials()[1].metrics["nll"], abs=6 * error)
    assert found.text().startswith(f"trial 1, nll {nll:.2f} ± {error:.2f} nats, iwae, on the 177 ")
