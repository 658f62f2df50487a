"""The width of a pack is measured, remembered, kept within the memory, or fixed by the user."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from gensweep.budget import Budget
from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.planning import Estimate, Plan, parse_request, plan_text
from gensweep.planning._estimate import estimate_here
from gensweep.profiling import PackProfiler, fixed_width, measure_width, resolve_width
from gensweep.profiling._memory import _cgroup_headroom, measure_free_mib, usable_mib
from gensweep.profiling._profile_cache import PackProfile, ProfileCache
from gensweep.profiling._profiler import measure_tick_s
from gensweep.profiling._width import (
    UNMEASURED,
    Width,
    candidate_widths,
    choose_width,
    is_worth_measuring,
    largest_stratum,
)
from gensweep.spec import RunRequest
from gensweep.storage import FileStore
from gensweep.study import Study, StudySpec, ledger_of, read_sweep
from gensweep.sweep import Sweep
from gensweep.trial import TrialState
from gensweep.worker import train_trials
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

RATE = Real(1e-4, 1e-2, log=True)
GAN = Sweep(
    name="gan", model=CATALOG["gan"], trials=16, budget_images=64_000,
    space={"learning_rate": RATE, "critic_iterations": Integer(1, 5)},
    fixed={"hidden": 16, "batch_size": 32},
)  # fmt: skip
HIDDEN = 600
HEAVY = dataclasses.replace(
    GAN, model=CATALOG["vae"], space={"learning_rate": RATE},
    fixed={"binarise": "dynamic", "latent_size": 4, "hidden": HIDDEN, "batch_size": 32},
)  # fmt: skip
STATE_MIB = 3 * 4 * 2 * (HIDDEN**2 + 64 * HIDDEN) / 2**20
"""At least the weights and two moments of the two layers at each end."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENSWEEP_HOME", str(folder / "home"))
        store = FileStore(folder / "store")
        return {name: load_dataset(name, store, split="train") for name in ("digits", "ring8")}


def profiler_of(sweep: Sweep, data: Any, packs: int = 2) -> PackProfiler:
    share = RunRequest(sweep=sweep, packs=packs)
    return PackProfiler(sweep, data, data.source("cpu"), dataclasses.replace(share, ranks=1))


def profiles(*each: tuple[int, float, float]) -> dict[int, PackProfile]:
    """Width, milliseconds and MiB of each; all took a second."""
    return {width: PackProfile(ms, mib, 1.0) for width, ms, mib in each}


FOUND = profiles((2, 4.0, 20), (4, 2.5, 30), (8, 2.0, 50), (16, 1.95, 90))


@pytest.mark.parametrize(
    ("trials", "limit_mib", "lanes"),
    [(64, 1e9, 8), (16, 1e9, 8), (64, 49, 4), (64, 20, 2), (64, 19, 1)],
)
def test_the_narrowest_of_nearly_the_fastest_that_fit_is_chosen(
    trials: int, limit_mib: float, lanes: int
) -> None:
    assert choose_width(FOUND, trials, limit_mib) == lanes


def test_no_lane_is_alone_for_its_pace(sets: dict[str, Any]) -> None:
    """Its last bits are others than those of any pack. The profiles are those of a machine."""
    profiler = profiler_of(GAN, sets["digits"])
    profiler._cache_for({}).save(profiles((2, 12.0, 30), (4, 11.9, 50), (8, 11.8, 90), (1, 6, 20)))
    found = measure_width(profiler, free_mib=1024.0)
    assert found.lanes == 2
    assert found.text() == (
        "2 lanes: 12 ms a lane and round (11.9 with 4, 11.8 with 8); "
        "15.0 MiB a lane of 1.0 GiB free for a pack"
    )


def test_trials_that_a_full_pack_leaves_over_count() -> None:
    table = profiles((2, 4.0, 20), (4, 3.0, 30), (8, 2.0, 50), (10, 2.0, 60))
    assert choose_width(table, 10, 1e9) == 10
    assert choose_width(table, 80, 1e9) == 8


def test_measuring_stops_when_wider_packs_gain_nothing_do_not_fit_or_take_long() -> None:
    found = profiles((2, 4.0, 20), (4, 2.5, 30))
    assert is_worth_measuring({}, 2, 0.0, 0.0)
    assert is_worth_measuring(found, 8, 50.0, 1.0)
    assert not is_worth_measuring(found, 8, 49.0, 1.0)
    assert is_worth_measuring(profiles((2, 2.5, 20), (4, 2.5, 30)), 8, 1e9, 1.0)
    assert not is_worth_measuring(profiles((2, 2.5, 20), (4, 2.5, 30), (8, 2.6, 40)), 16, 1e9, 1.0)
    assert is_worth_measuring(profiles((2, 2.5, 20), (4, 2.6, 30), (8, 2.4, 40)), 16, 1e9, 1.0)
    slow = {w: dataclasses.replace(p, measuring_s=4.0) for w, p in found.items()}
    assert not is_worth_measuring(slow, 8, 1e9, 1.0)
    assert is_worth_measuring(slow, 8, 1e9, 100 * 1000)
    slower = {w: dataclasses.replace(p, measuring_s=20.0) for w, p in found.items()}
    assert not is_worth_measuring(slower, 8, 1e9, 1e9)


@pytest.mark.slow("packs of several widths are measured", minutes=0.3)
@pytest.mark.parametrize("name", ["digits", "ring8"])
def test_the_width_is_measured_once_and_remembered(
    name: str, sets: dict[str, Any], home: Path
) -> None:
    first = measure_width(profiler_of(GAN, sets[name]))
    assert first.lanes in candidate_widths(8)
    assert set(first.table) <= set(candidate_widths(8))
    assert len(first.table) > 1
    assert all(point.lane_round_ms > 0 and point.measuring_s > 0 for point in first.table.values())
    kept = {file: file.read_bytes() for file in home.rglob("*.json")}
    assert len(kept) == 1

    begin = time.perf_counter()
    again = measure_width(profiler_of(GAN, sets[name]))
    assert time.perf_counter() - begin < 0.5
    assert (again.lanes, again.table) == (first.lanes, first.table)
    assert {file: file.read_bytes() for file in home.rglob("*.json")} == kept
    assert (
        f"{first.lanes} lanes: {first.table[first.lanes].lane_round_ms:.3g} ms a lane and round ("
        in (first.text())
    )


def test_what_is_remembered_is_of_one_network_room_and_data_set(sets: dict[str, Any]) -> None:
    wider = dataclasses.replace(GAN, fixed=GAN.fixed | {"hidden": 32})
    longer = dataclasses.replace(GAN, budget_images=640_000, trials=32)
    digits, ring = sets["digits"], sets["ring8"]
    one = profiler_of(GAN, digits)._cache_for({}).file
    assert profiler_of(longer, digits)._cache_for({}).file == one
    turns = dataclasses.replace(GAN, space=GAN.space | {"critic_iterations": Integer(1, 9)})
    others = [profiler_of(wider, digits), profiler_of(GAN, ring), profiler_of(turns, digits),
              profiler_of(GAN, digits, packs=1)]  # fmt: skip
    assert one not in {other._cache_for({}).file for other in others}


@pytest.mark.slow("packs of a heavy network are measured in processes of their own", minutes=0.3)
def test_memory_is_measured_and_limits_the_width(sets: dict[str, Any]) -> None:
    found = profiler_of(HEAVY, sets["digits"])
    two, eight = found.profile({}, 2), found.profile({}, 8)
    assert two.memory_mib > 2 * STATE_MIB
    assert eight.memory_mib - two.memory_mib > 6 * STATE_MIB
    assert eight.memory_mib < 8 * 20 * STATE_MIB
    enough = measure_width(found, free_mib=2.1 * two.memory_mib)
    assert list(enough.table) == [2]  # four do not fit
    assert "too much" not in enough.text()
    assert (
        f"2 take {two.memory_mib:.1f} MiB, too much of"
        in measure_width(found, free_mib=1.9 * two.memory_mib).text()
    )
    little = measure_width(profiler_of(GAN, sets["digits"]), free_mib=1.0)
    assert (little.lanes, list(little.table)) == (1, [2])
    needed = f"{little.table[2].memory_mib:.1f} MiB"
    assert little.text() == f"1 lane: 2 take {needed}, too much of 1.0 MiB free for a pack"


@pytest.mark.parametrize("damage", ["torn", "a list", "of another", "negative", "no number"])
def test_a_file_that_holds_no_measurement_is_ignored(damage: str, home: Path) -> None:
    remembered = ProfileCache({"model": "gan", "data": (1, 8, 8)})
    table = profiles((2, 4.0, 20), (16, 2.5, 30))
    remembered.save(table)
    assert ProfileCache({"data": [1, 8, 8], "model": "gan"}).load() == table
    kept = json.loads(remembered.file.read_text())
    text = {
        "torn": remembered.file.read_text()[:-9],
        "a list": "[1, 2]",
        "of another": json.dumps(kept | {"of": {"model": "vae"}}),
        "negative": json.dumps(kept | {"points": {"2": [-1.0, 1.0, 1.0]}}),
        "no number": json.dumps(kept | {"points": {"2": [None, 1.0, 1.0]}}),
    }[damage]
    remembered.file.write_text(text)
    assert remembered.load() == {}
    remembered.save(table)
    assert remembered.load() == table


@pytest.mark.slow("packs of several widths are measured", minutes=0.3)
def test_a_home_that_cannot_be_written_costs_nothing_else(sets: dict[str, Any], home: Path) -> None:
    home.write_text("a file")
    assert measure_width(profiler_of(GAN, sets["ring8"])).lanes in candidate_widths(8)


def test_lanes_are_measured_with_as_many_turns_as_trials_will_take(sets: dict[str, Any]) -> None:
    pack = profiler_of(GAN, sets["ring8"])._full_pack({}, 5)
    turns = [pack.lane(slot).hyper["critic_iterations"] for slot in range(5)]
    assert turns == [1, 2, 3, 4, 5]
    alone = profiler_of(GAN, sets["ring8"])._full_pack({}, 1)
    assert alone.lane(0).hyper["critic_iterations"] == 3


def test_the_largest_network_is_measured_or_else_the_default_one(sets: dict[str, Any]) -> None:
    sizes = {"learning_rate": RATE, "hidden": Categorical((16, 64, 32))}
    one = dataclasses.replace(GAN, space=sizes, fixed={})
    assert largest_stratum(profiler_of(one, sets["ring8"])) == (
        {"hidden": 64}, "; measured with hidden=64",
    )  # fmt: skip
    kinds = {"learning_rate": RATE, "objective": Categorical(("minimax", "non_saturating"))}
    assert largest_stratum(profiler_of(dataclasses.replace(GAN, space=kinds), sets["ring8"]))[
        0
    ] == {"objective": "non_saturating"}


def test_sizes_that_are_searched_below_the_default_are_measured(sets: dict[str, Any]) -> None:
    """The default has 32 latent numbers, which do not fit a pack of a space that ends at 4."""
    space = {"learning_rate": RATE, "latent_size": Integer(2, 4)}
    sweep = dataclasses.replace(HEAVY, space=space, fixed={"hidden": 8, "batch_size": 8})
    pack = profiler_of(sweep, sets["digits"])._full_pack({}, 2)
    assert [pack.lane(slot).config.latent_size for slot in range(2)] == [4, 4]


def test_a_pack_that_trials_fill_no_further_is_not_measured(sets: dict[str, Any]) -> None:
    few = dataclasses.replace(GAN, trials=4)
    assert measure_width(profiler_of(few, sets["ring8"])) == Width(
        lanes=2, note=", all that 4 trials fill"
    )
    # fewer trials than packs: on a CPU two share one, and have the numbers of any pack
    assert measure_width(profiler_of(few, sets["ring8"], packs=4)).lanes == 2
    assert few.most_lanes(4, on_gpu=True) == 1
    asked = dataclasses.replace(few, width=3)
    assert [asked.fitted_to(4, on_gpu=gpu).width for gpu in (False, True)] == [2, 1]


def test_a_model_that_fails_is_left_to_packs_and_refused_in_a_plan(
    sets: dict[str, Any],
) -> None:
    def broken(config: Any, data: Any) -> Any:
        game = CATALOG["gan"].game(config, data)
        game.loss = _raise
        return game

    model = dataclasses.replace(CATALOG["gan"], game=broken)
    sweep = dataclasses.replace(GAN, model=model, trials=200)
    found = measure_width(profiler_of(sweep, sets["ring8"]))
    assert found.lanes == UNMEASURED
    assert found.text() == "16 lanes; measuring failed: KeyError: 'my bug'"
    request = RunRequest(sweep=sweep, dry_run=True)
    told = r"^gan: packs cannot be trained .*: KeyError: 'my bug' \(test_profiling_width.py, line "
    for one in (request, dataclasses.replace(request, sweep=dataclasses.replace(sweep, width=2))):
        with pytest.raises(UserError, match=told):
            estimate_here(one, sets["ring8"], "cpu", "here")


def _raise(*args: Any) -> Any:
    raise KeyError("my bug")


def test_a_slow_pack_is_timed_once() -> None:
    """What is long is blurred little: five stretches of minutes would be a long dry run."""
    now, runs = [0.0], []

    def run(ticks: int, each: float) -> None:
        runs.append(ticks)
        now[0] += ticks * each

    assert measure_tick_s(lambda n: run(n, 10.0), 3, lambda: now[0]) == 10.0
    assert runs == [3]
    assert measure_tick_s(lambda n: run(n, 0.1), 1, lambda: now[0]) == pytest.approx(0.1)
    assert runs == [3, *[1] * 5]


def test_variants_that_take_long_are_taken_to_be_like_the_first(sets: dict[str, Any]) -> None:
    space = {"learning_rate": RATE, "objective": Categorical(("hinge", "minimax"))}
    profiler = profiler_of(dataclasses.replace(GAN, space=space, width=2), sets["ring8"])
    first, second = (profiler._cache_for({"objective": one}) for one in ("hinge", "minimax"))
    first.save({2: PackProfile(lane_round_ms=2.0, memory_mib=1.0, measuring_s=11.0)})
    alone = profiler.training_s()
    assert second.load() == {}
    first.save({2: PackProfile(lane_round_ms=2.0, memory_mib=1.0, measuring_s=9.0)})
    second.save({2: PackProfile(lane_round_ms=4.0, memory_mib=1.0, measuring_s=9.0)})
    assert profiler.training_s() == pytest.approx(1.5 * alone)


def test_the_user_or_the_script_fixes_the_width() -> None:
    assert parse_request("A test.", GAN, []).sweep.width is None
    fixed = parse_request("A test.", GAN, ["--width", "4"])
    assert fixed.sweep.width == 4
    assert fixed_width(fixed.sweep, fixed.packs, on_gpu=False).text() == "4 lanes, as asked"
    assert parse_request("A test.", dataclasses.replace(GAN, width=3), []).sweep.width == 3
    wide = parse_request("A test.", GAN, ["--width", "100"])
    assert (
        fixed_width(wide.sweep, wide.packs, on_gpu=False).text()
        == "8 lanes, as asked, all that the trials fill"
    )
    assert "width" not in GAN.identity()
    with pytest.raises(ValueError, match="not measured yet"):
        _ = GAN.lanes


def test_a_resumed_sweep_is_expected_to_train_what_is_left(tmp_path: Path) -> None:
    storage = ledger_of(str(tmp_path))
    spec = StudySpec(
        name="half", space={"learning_rate": Real(1e-4, 1e-1, log=True)},
        objective=Objective(metric="fid"), budget=Budget(trials=4), budget_images=10,
    )  # fmt: skip
    with Study.create(spec, storage) as study:
        ended, _ = study.lease("pack", 2)
        end = study.resolve_end(ended, TrialState.COMPLETED, metrics={"fid": 1.0})
        assert end is not None
        study.finish(ended, end, 10)
    estimate = Estimate(seconds=80.0, place="a machine").for_the_rest(
        read_sweep("half", storage), 8
    )
    assert estimate.seconds == 70.0
    assert estimate.expected().startswith("1.2 min of training of the 7 trials that are left, as")


def test_the_plan_tells_of_the_width(sets: dict[str, Any], home: Path) -> None:
    width = Width(lanes=8, table=FOUND, free_mib=11 * 1024)
    plan = Plan(request=RunRequest(sweep=GAN, packs=2), store="file:///s", tracking_uri="sqlite:///m",
                ledger="l", home=str(home), dataset=sets["digits"], test=None,
                estimate=Estimate(width=width.text()))  # fmt: skip
    assert (
        "\nwidth     8 lanes: 2 ms a lane and round (4 with 2, 2.5 with 4, 1.95 with 16); "
        "5.0 MiB a lane of 11.0 GiB free for a pack\n"
    ) in plan_text(plan)
    assert "\nthreads   2 packs x " in plan_text(plan)


def test_limits_of_control_groups_count(tmp_path: Path) -> None:
    assert list(_cgroup_headroom(tmp_path)) == []
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 100000\n")
    assert list(_cgroup_headroom(tmp_path)) == [400_000]
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("900000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("700000\n")
    (tmp_path / "memory" / "memory.stat").write_text("total_inactive_file 300000\n")
    assert list(_cgroup_headroom(tmp_path)) == [500_000]


def test_packs_share_the_memory_of_a_machine() -> None:
    whole = measure_free_mib("cpu", 1)
    assert measure_free_mib("cpu", 4) == pytest.approx(whole / 4, rel=0.3)
    assert usable_mib("cpu", whole) < whole


@pytest.mark.slow("a pack is measured and trains six trials", minutes=0.3)
def test_a_pack_measures_on_the_spot_and_trains(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=6, width=None)
    share = dataclasses.replace(small_sweep.plan.request, packs=1)
    data = small_sweep.plan.dataset
    width = resolve_width(small_sweep.sweep, data, small_sweep.source, share, "cpu")
    assert width in candidate_widths(6)
    fixed = dataclasses.replace(small_sweep.sweep, width=5)
    assert resolve_width(fixed, data, small_sweep.source, share, "cpu") == 5
    sweep = dataclasses.replace(small_sweep.sweep, width=width)
    train_trials(sweep, small_sweep.in_process("pack"), small_sweep.evaluator, small_sweep.source)
    assert {t.state for t in small_sweep.trials().values()} <= {"completed", "collapsed"}
    assert len(small_sweep.trials()) == 6


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_the_memory_and_pace_of_a_gpu_are_measured(sets: dict[str, Any]) -> None:
    data = sets["digits"]
    share = RunRequest(sweep=HEAVY, packs=1, gpus=1)
    found = PackProfiler(HEAVY, data, data.source("cuda"), share, "cuda")
    assert measure_width(found).lanes in candidate_widths(16)
    two, eight = found.profile({}, 2), found.profile({}, 8)
    assert eight.memory_mib - two.memory_mib > 6 * STATE_MIB
    assert measure_width(found, free_mib=1.0).lanes == 1
