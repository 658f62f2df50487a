"""Population-based training: poor trials go on from good ones, and it is known who from whom."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from gensweep.lanes import LaneState
from gensweep.population import REDRAWN, choose_donor, explore
from gensweep.results import results_of
from gensweep.storage import load_trained_lane
from gensweep.worker._population_copies import copy_lane
from gensweep_models.space import Categorical, Integer, Real

SPACE = {
    "learning_rate": Real(1e-5, 1e-1, log=True),
    "kl_weight": Real(0.5, 2.0),
    "latent_size": Integer(2, 4),
}
POPULATION = {
    "pbt": True, "trials": 8, "width": 8, "rungs": 4, "budget_images": 5120, "space": SPACE,
    "target": None,
    "fixed": {"binarise": "dynamic", "hidden": 16, "batch_size": 64},
}  # fmt: skip


def lineage(small_sweep: Any) -> dict[int, Any]:
    return {
        number: small_sweep.result(number).get("lineage", []) for number in small_sweep.trials()
    }


def test_only_the_lowest_quarter_copies_and_only_from_the_highest_that_is_here() -> None:
    values = {n: float((7 * n) % 16) for n in range(16)}
    ranked = sorted(values, key=lambda n: values[n])
    taken = {n: choose_donor(values, n, range(16), seed=n, rung=1) for n in values}
    assert {n for n, source in taken.items() if source is not None} == set(ranked[-4:])
    assert {source for source in taken.values() if source is not None} <= set(ranked[:4])
    worst = ranked[-1]
    drawn = {choose_donor(values, worst, range(16), seed=s, rung=1) for s in range(100)}
    assert drawn == set(ranked[:4])
    assert choose_donor(values, worst, [*ranked[4:], ranked[2]], seed=0, rung=1) == ranked[2]
    assert choose_donor(values, worst, ranked[4:], seed=0, rung=1) is None
    assert choose_donor({n: values[n] for n in range(3)}, 2, range(3), seed=0, rung=1) is None


def test_values_change_by_the_factors_and_stay_in_their_ranges() -> None:
    space = {
        "rate": Real(1e-3, 1.0), "count": Integer(1, 5), "kind": Categorical(("a", "b")),
        "only_b": Real(1.0, 9.0, when={"kind": ("b",)}),
    }  # fmt: skip
    config = {"rate": 0.9, "count": 1, "kind": "a", "only_b": 2.0, "hidden": 64}
    found = [explore(config, space, list(space), seed, ticks=7) for seed in range(400)]
    assert {f["rate"] for f in found} == {0.9 * 0.8, 1.0}
    assert {f["count"] for f in found} == {1, 2}
    assert {f["only_b"] for f in found} == {2.0}
    assert {f["hidden"] for f in found} == {64}
    redrawn = sum(f["kind"] == "b" for f in found) / len(found)
    assert redrawn == pytest.approx(REDRAWN / 2, abs=0.06)
    assert found[3] == explore(config, space, list(space), 3, ticks=7)
    assert len({str(explore(config, space, list(space), 3, ticks=t)) for t in range(20)}) > 1


def test_a_copy_is_the_source_with_the_targets_own_progress(open_small_sweep: Any) -> None:
    """Bit for bit; the source and all other lanes are as before."""
    small_sweep = open_small_sweep(**POPULATION)
    _, runner = small_sweep.runner("first")
    runner.pack.run(3)
    runner.lanes.drop(7)
    runner.pack.load(7, small_sweep.sweep.config({"latent_size": 3}), seed=99, budget_images=5120)
    runner.lanes.trials[7] = replace(runner.lanes.trials[6], lineage=[])  # a lane that began later
    before = {slot: runner.pack.take(slot) for slot in range(8)}
    copy_lane(small_sweep.sweep, runner.lanes, 7, 2)
    after = {slot: runner.pack.take(slot) for slot in range(8)}
    assert all(after[s].to_bytes() == before[s].to_bytes() for s in range(7))
    for name, tensor in after[7].tensors.items():
        source = before[7 if name.startswith("stream.") else 2]
        assert torch.equal(tensor, source.tensors[name]), name
    own = {"seed", "ticks", "budget_images"}
    assert {n: after[7].meta[n] for n in own} == {n: before[7].meta[n] for n in own}
    new, old = after[7].meta["config"], before[2].meta["config"]
    assert {n for n in new if new[n] != old[n]} == {"learning_rate", "kl_weight"}
    assert all(SPACE[n].low <= new[n] <= SPACE[n].high for n in SPACE)
    assert (
        LaneState.from_bytes(runner.lanes.state(7)).meta["lineage"]
        == runner.lanes.trials[7].lineage
    )


@pytest.mark.slow("a sweep is interrupted and resumed", minutes=0.2)
def test_lineages_are_in_the_results_and_go_on_after_a_crash(open_small_sweep: Any) -> None:
    """A pack that is lost after a checkpoint, and one that never was, end alike."""
    whole, parts = open_small_sweep("whole", **POPULATION), open_small_sweep("parts", **POPULATION)
    whole.runner("first")[1].resume()
    told = lineage(whole)
    copies = [copy | {"of": n} for n, line in told.items() for copy in line]
    assert copies
    for copy in copies:
        assert copy["images"] in (1280, 2560, 3840)
        assert copy["from"] != copy["of"]
        rate = copy["params"]["learning_rate"]
        assert SPACE["learning_rate"].low <= rate <= SPACE["learning_rate"].high
    here, runner = parts.runner("first")
    here.stop_after("record_copy")
    runner.resume()
    assert any(trial.lineage for trial in runner.lanes.trials.values())
    parts.close()
    again = open_small_sweep("parts", **POPULATION)
    _, second = again.runner("second")
    assert [s.lineage for s in second.lanes.trials.values()] == [
        s.lineage for s in runner.lanes.trials.values()
    ]
    second.resume()
    assert lineage(again) == told
    names = ("frechet", "coverage", "neutral_density")
    found = [
        {n: [t.metrics[name] for name in names] for n, t in small_sweep.trials().items()}
        for small_sweep in (whole, again)
    ]
    assert found[0] == found[1]


def test_the_lane_that_is_kept_has_the_values_it_ended_with(
    open_small_sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And trials compare by a likelihood too, which is then measured at each rung."""
    small_sweep = open_small_sweep(**POPULATION | {"target": "nll", "rungs": 2})
    small_sweep.runner("first")[1].resume()
    number, line = next((n, line) for n, line in lineage(small_sweep).items() if line)
    lane = LaneState.from_bytes(load_trained_lane(small_sweep.store, small_sweep.result(number)))
    assert {n: lane.meta["config"][n] for n in SPACE} == line[-1]["params"]
    assert small_sweep.trials()[number].params != line[-1]["params"]
    small_sweep.close()
    monkeypatch.setenv("GENSWEEP_LEDGER", small_sweep.ledger)
    monkeypatch.setenv("GENSWEEP_STORE", small_sweep.store_uri)
    shown = {t["number"]: t.get("lineage", []) for t in results_of("small")["trials"]}
    assert shown == lineage(small_sweep)


@pytest.mark.slow("a population of six trials", minutes=0.1)
def test_a_trial_that_nobody_better_sits_beside_goes_on_as_it_is(open_small_sweep: Any) -> None:
    """Two packs of one population: values are compared in all of it, states only in the pack."""
    small_sweep = open_small_sweep(**POPULATION | {"width": 2})
    runners = [small_sweep.runner(f"pack-{i}")[1] for i in range(4)]
    for runner in runners:
        runner.resume()
    pairs = [{2 * i, 2 * i + 1} for i in range(4)]
    told = lineage(small_sweep)
    assert any(told.values())
    for number, line in told.items():
        assert all({number, copy["from"]} in pairs for copy in line)
