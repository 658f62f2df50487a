"""Sweeps that earlier versions stored are read in today's words."""

import dataclasses
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gensweep.coordinator._study_opening import open_study
from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import build_evaluator
from gensweep.metric import VERDICT
from gensweep.objective import Objective
from gensweep.planning._check_ledger import find_sweep
from gensweep.planning._resume import settings_of_resumed
from gensweep.spec import RunContext, RunRequest, Sweep
from gensweep.storage import open_store
from gensweep.study import completed, read_sweep
from gensweep.study._former import current_entry, current_spec

COMPAT = Path(__file__).parents[1] / "compat"


def spec(**more: Any) -> dict[str, Any]:
    """The parts of an earlier version's spec that this one says otherwise."""
    return {
        "objective": {"metric": "untruncated_modes", "direction": "maximize"},
        "defaults": {"psi": "2.0"}, "psis": [0.5, 1.0, 1.5, 2.0], "strata": ["objective"],
        "protocol": {"verdict": "of samples at psi 6", "seed": 0},
    } | more  # fmt: skip


def test_a_grid_that_the_model_states_is_no_part_of_the_question() -> None:
    assert current_spec(spec()) == {
        "objective": {"metric": "neutral_modes", "direction": "maximize"},
        "defaults": {"psi": "2.0"}, "strata": ["objective"],
        "protocol": {"verdict": VERDICT, "seed": 0},
    }  # fmt: skip


def test_a_grid_of_the_sweep_is_kept_under_the_hyperparameter() -> None:
    assert current_spec(spec(psis=[1.0, 3]))["sampling_grids"] == {"psi": [1.0, 3]}
    searched = spec(psis=[1.0, 3], defaults={}, space={"psi": {"kind": "real"}})
    assert current_spec(searched)["sampling_grids"] == {"psi": [1.0, 3]}


def test_a_grid_of_what_the_model_has_not_is_left_out() -> None:
    found = current_spec(spec(psis=[1.0, 3], defaults={}))
    assert "sampling_grids" not in found
    assert "psis" not in found


def test_what_this_version_stores_is_as_it_is() -> None:
    own = {"objective": {"metric": "nll"}, "sampling_grids": {"psi": [1.0]}, "rungs": 4,
           "protocol": {"verdict": "another", "neutral": {"psi": 1.0}}}  # fmt: skip
    assert current_spec(own) == own
    assert completed(own, {"protocol": {"neutral": {"psi": 6.0}}}) == own


def test_metrics_that_came_later_do_not_keep_a_sweep_from_going_on() -> None:
    old = {"protocol": {"k": 5, "scores": {"names": ["psnr"]}}}
    now = {"protocol": {"k": 7, "copied": {"rare": 0.01},
                        "scores": {"names": ["psnr"], "summaries": ["active_units"]}}}  # fmt: skip
    assert completed(old, now) == {
        "protocol": {
            "copied": {"rare": 0.01}, "k": 5,
            "scores": {"summaries": ["active_units"], "names": ["psnr"]},
        }
    }  # fmt: skip
    assert completed(old, {"protocol": {"k": 5, "scores": {"names": ["psnr"]}}}) == old
    entry = {"metrics": {"neutral_modes": 8.0}, "result": {"curves": {"psi": [[1.0, 2.0, 3.0]]}}}
    assert current_entry(entry, "psi") == entry


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder that the earlier version left."""
    with tarfile.open(COMPAT / "stored.tar.gz") as files:
        files.extractall(tmp_path, filter="data")
    home = tmp_path / "home"
    monkeypatch.setenv("GENSWEEP_HOME", str(home))
    monkeypatch.setenv("GENSWEEP_LEDGER", str(home / "studies"))
    monkeypatch.syspath_prepend(str(COMPAT))
    return home


def script() -> Sweep:
    """The sweep of the script that began the stored ones."""
    try:
        from ring8_sweep import SWEEP  # type: ignore[import-not-found]
    finally:
        sys.modules.pop("ring8_sweep", None)
    assert isinstance(SWEEP, Sweep)
    return SWEEP


def context(sweep: Sweep, home: Path, data: Any) -> RunContext:
    return RunContext(sweep=sweep, resume=True, prices=None, store="", tracking_uri="",
                      ledger=str(home / "studies"), home=str(home), data_name=data.name,
                      data_hash=data.hash, data_id=data.id)  # fmt: skip


def test_a_stored_sweep_goes_on_by_its_script(stored: Path) -> None:
    """Nothing of its question has changed, and its trials have today's names when it is open."""
    store = open_store(f"file://{stored / 'data'}")
    data = load_dataset("ring8", store, split="train")
    sweep = settings_of_resumed("finished", script(), {})
    found = find_sweep(RunRequest(sweep=sweep, resume=True), str(stored / "studies"))
    assert found is not None
    evaluator = build_evaluator(sweep, store, data, None).judging_by(found.protocol["bounds"])
    objective = Objective.of("total_variation")
    sweep = dataclasses.replace(sweep, threads=2)  # those of another machine: it had kept none
    with open_study(context(sweep, stored, data), objective, evaluator.protocol) as study:
        records = study.records()
    assert {record.number: record.metrics for record in records} == {
        record.number: record.metrics for record in found.records
    }
    for record in records:
        assert not [name for name in record.metrics if name.startswith("untruncated")]
        assert "neutral_modes" in record.metrics
        assert [p[0] for p in record.result["curves"]["truncation"]] == [0.5, 1.0, 1.5, 2.0]


def test_a_stored_sweep_refuses_other_grids(stored: Path) -> None:
    grids = {"truncation": (1.0,)}
    sweep = dataclasses.replace(settings_of_resumed("finished", script(), {}), sampling_grids=grids)
    with pytest.raises(UserError, match="sampling_grids"):
        find_sweep(RunRequest(sweep=sweep, resume=True), str(stored / "studies"))


def test_other_weights_under_the_same_path_are_refused(stored: Path) -> None:
    """A sweep of an earlier version, which kept no hash of them, goes on."""
    store = open_store(f"file://{stored / 'data'}")
    data = load_dataset("ring8", store, split="train")
    sweep = settings_of_resumed("finished", script(), {})
    bounds = read_sweep("finished", str(stored / "studies")).protocol["bounds"]
    protocol = build_evaluator(sweep, store, data, None).judging_by(bounds).protocol
    objective = Objective.of("total_variation")
    old = context(sweep, stored, data)
    with open_study(dataclasses.replace(old, weights={"a": "1"}), objective, protocol):
        pass
    new = dataclasses.replace(sweep, name="new")
    begun = dataclasses.replace(old, sweep=new, resume=False, weights={"a": "1"})
    with open_study(begun, objective, protocol):
        pass
    later = dataclasses.replace(begun, resume=True, weights={"a": "2"})
    with (
        pytest.raises(UserError, match=r'weights\.a: "1" -> "2"'),
        open_study(later, objective, protocol),
    ):
        pass
