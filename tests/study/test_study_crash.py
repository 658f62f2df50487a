"""kill -9 of the driver at any point, and torn files."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from gensweep.study import Study, read_sweep
from study.small_study import Categorical, Real, begin, finish

ROOT = Path(__file__).resolve().parents[2]


SPACE = {f"x{i}": Real(0.0, 1.0) for i in range(4)}
TRIALS = 24

# Prints each end once `finish` has returned: what is printed was acknowledged.
DRIVER = """
import sys
sys.path[:0] = [{platform!r}, {tests!r}]
from study.small_study import begin, finish
from study.test_study_crash import SPACE
study = begin({storage!r}, space=SPACE, trials={trials}, seed=1, resume={resume}, sampler="random")
print("open", flush=True)
while leases := study.lease("a", 3):
    for lease in leases:
        assert (lease.checkpoint or {{}}).get("number", lease.number) == lease.number
        study.report(lease, 50, {{"fid": 2.0}})
        study.checkpoint([lease], {{"number": lease.number}})
        print("saved", lease.number, flush=True)
        finish(study, lease, "completed", metrics={{"fid": 1.0}}, images=100)
        print("ended", lease.number, lease.seed, flush=True)
print("over", flush=True)
"""


def drive(storage: str, resume: bool, lines: int, wait_s: float = 0.0) -> list[list[str]]:
    """What a driver acknowledged before its kill, `wait_s` after it printed so many lines."""
    code = DRIVER.format(platform=str(ROOT / "platform"), tests=str(ROOT / "tests"),
                         storage=storage, resume=resume, trials=TRIALS)  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    seen = [line for line in (process.stdout.readline() for _ in range(lines)) if line]
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    seen += process.stdout.read().splitlines(keepends=True)
    process.wait()
    process.stdout.close()
    return [line.split() for line in seen if line.endswith("\n")]


@pytest.mark.slow("a driver is killed up to 40 times")
def test_driver_killed_again_and_again_loses_nothing(storage: str) -> None:
    rng = random.Random(3)
    ended: dict[str, str] = {}
    for attempt in range(40):
        lines = drive(storage, attempt > 0, rng.randint(0, 9), rng.uniform(0.0, 0.02))
        for line in lines:
            if line[0] == "ended":
                assert line[1] not in ended, "a finished trial was run again"
                ended[line[1]] = line[2]
        saved = {line[1] for line in lines if line[0] == "saved"}
        records = {str(r.number): r for r in read_sweep("s", storage).records}
        assert saved <= set(records)
        assert all(records[n].state == "completed" for n in ended)
        if ["over"] in lines:
            break
    assert attempt >= 2, "too few kills to mean anything"
    final = read_sweep("s", storage).records
    assert [r.number for r in final] == list(range(TRIALS))
    assert {r.state for r in final} == {"completed"}
    assert all(ended.get(str(r.number), str(r.seed)) == str(r.seed) for r in final)


def reopen(storage: str, **options: Any) -> Study:
    return begin(storage, **{"space": SPACE, "trials": 10, "resume": True, "seed": 1, **options})


@pytest.mark.parametrize("seed", range(5))
def test_journal_cut_anywhere_can_be_reopened(tmp_path: Path, seed: int) -> None:
    """Whatever prefix of the journal reached the disk, the sweep goes on to its end."""
    path = tmp_path / "s.log"
    with reopen(str(path), resume=False) as study:
        for lease in study.lease("a", 4):
            study.report(lease, 50, {"fid": 2.0})
            finish(study, lease, random.Random(seed).choice(["completed", "diverged"]),
                         metrics={"fid": 1.0})  # fmt: skip
        study.lease("a", 3)
    whole = path.read_bytes()
    start = whole.index(b"\n", whole.index(b'"spec"')) + 1
    for cut in sorted(random.Random(seed).sample(range(start, len(whole)), 12)):
        path.write_bytes(whole[:cut])
        with reopen(str(path)) as study:
            while leases := study.lease("b", 4):
                for lease in leases:
                    finish(study, lease, "completed", metrics={"fid": 1.0})
            records = study.records()
        assert [r.number for r in records] == list(range(10))
        assert all(r.state.ended for r in records)
        assert all(set(r.params) == set(SPACE) for r in records)
        for line in path.read_text().splitlines():
            json.loads(line)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_trial_cut_while_asked_keeps_its_stratum_and_its_group(
    tmp_path: Path, sampler: str
) -> None:
    """Wherever the journal ends, a repeat stays a repeat and a stratum keeps its share."""
    path = tmp_path / "s.log"
    options: dict[str, Any] = {
        "space": {"kind": Categorical(("a", "b", "c")), **SPACE}, "seed": 1, "repeats": 2,
        "strata": ("kind",), "sampler": sampler,
    }  # fmt: skip
    with begin(str(path), **options) as study:
        start = path.stat().st_size
        while study.lease("a", 5):
            pass
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10 and i >= start]
    for cut in ends[: len(ends) // 4]:
        path.write_bytes(whole[:cut])
        with begin(str(path), resume=True, **options) as study:
            while study.lease("b", 5):
                pass
            records = study.records()
        groups: dict[int, list[dict[str, Any]]] = {}
        for record in records:
            groups.setdefault(record.group, []).append(record.params)
        assert len(groups) == 6
        assert all(one == other for one, other in groups.values())
        assert Counter(r.params["kind"] for r in records) == {"a": 4, "b": 4, "c": 4}


@pytest.mark.parametrize("drawn", [0, 2])
def test_a_trial_that_an_earlier_version_was_drawing_is_completed(
    tmp_path: Path, drawn: int
) -> None:
    """It wrote what the trial was meant to be, and then one parameter after the other."""
    path = str(tmp_path / "s.log")
    reopen(path, resume=False).close()
    former = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(path)))
    intent = {"fixed": {"x1": 0.25}, "group": None, "confirm_round": 0}
    former.enqueue_trial({}, user_attrs={"gensweep_intent": intent})
    if drawn:
        trial = former.ask()
        for name in list(SPACE)[:drawn]:
            trial.suggest_float(name, 0.0, 1.0)
        assert trial.params["x1"] != 0.25
    with reopen(path) as study:
        (lease,) = study.lease("a", 1)
        assert (lease.number, set(lease.params)) == (0, set(SPACE))
        known = trial.params if drawn else intent["fixed"]
        assert {name: lease.params[name] for name in known} == known


def test_full_disk_changes_nothing_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    with reopen(str(path), resume=False) as study:
        lease = study.lease("a", 1)[0]
        path.rename(tmp_path / "away")
        (tmp_path / "s.log").mkdir()
        with pytest.raises(OSError, match="directory"):
            finish(study, lease, "completed", metrics={"fid": 1.0})
        assert study.record(lease.number).state == "leased"
        path.rmdir()
        (tmp_path / "away").rename(path)
        assert finish(study, lease, "completed", metrics={"fid": 1.0})
    assert read_sweep("s", str(path)).records[0].state == "completed"


def test_lock_dies_with_its_process(tmp_path: Path) -> None:
    storage = f"journal://{tmp_path}/s.log"
    drive(storage, False, 3)
    began = time.monotonic()
    reopen(storage, trials=24, sampler="random").close()
    assert time.monotonic() - began < 30
    assert os.path.exists(tmp_path / "s.log")
