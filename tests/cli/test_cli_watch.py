"""`gensweep watch` follows a sweep from the ledger, and ends with it or with Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ended_sweep import ended, plan_of, point_here, spec_of
from gensweep.cli import main
from gensweep.driver_record import DriverRecord
from gensweep.home import find_home
from gensweep.results import PaceMeter, SweepProgress, read_here
from gensweep.study import Study
from gensweep.trial import Lease, TrialState

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    return tmp_path


def end(study: Study, lease: Lease, value: float) -> None:
    resolved = study.resolve_end(lease, TrialState.COMPLETED, "", {"frechet": value})
    assert resolved is not None
    assert study.finish(lease, resolved, 200_000, {"outcome": "converged"})


def follow(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What it tells of a sweep that another thread drives from its first trial to its last."""
    plan = plan_of(home, "s", 4)
    study = Study.create(spec_of(plan), plan.ledger)

    def drive() -> None:
        for value in (4.0, 3.0, 2.0, 1.0):
            (lease,) = study.lease("me", 1)
            time.sleep(0.3)
            end(study, lease, value)
        study.close()

    driver = threading.Thread(target=drive)
    driver.start()
    try:
        assert main(["watch", "s", "--every", "0.05", *words]) == 0
    finally:
        driver.join()
    return capsys.readouterr().out.splitlines()


def test_it_follows_a_sweep_to_its_end(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = follow(home, capsys)
    assert len(lines) >= 4
    assert "1 training  3 not begun" in lines[0] or "4 not begun" in lines[0]
    assert any("waits for a trial that trains" in line for line in lines)
    assert any("s left" in line for line in lines)
    assert "4 completed  |  best frechet 1, trial 3  |  800,000 examples in" in lines[-1]
    assert lines[-1].endswith("ended: gensweep report s --out s.html")


def test_each_change_is_a_line_of_json(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)  # nothing is drawn over
    told = [json.loads(line) for line in follow(home, capsys, "--json")]
    moments = [(one["states"].get("completed", 0), one["images"], one["best"]) for one in told]
    every = [(0, 0, None), *((n, 200_000 * n, 5.0 - n) for n in range(1, 5))]
    assert set(moments) <= set(every)  # one that looks rarely misses some
    assert moments == sorted(moments, key=lambda moment: moment[0])
    assert (len(told) > 2, moments[-1]) == (True, every[-1])
    assert [one["over"] for one in told] == [False] * (len(told) - 1) + [True]
    assert {one["name"] for one in told} == {"s"}
    for one in told[:-1]:
        rate, left = one["images_per_s"], one["seconds_left"]
        assert left == (pytest.approx(one["images_left"] / rate) if rate else None)
    assert told[-1]["complete"]
    assert told[-1]["next"] == "ended: gensweep report s --out s.html"


def test_a_sweep_that_nobody_drives_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(home, "s", 4)
    with Study.create(spec_of(plan), plan.ledger) as study:
        end(study, study.lease("me", 1)[0], 1.0)
    assert main(["watch", "s", "--every", "0.01"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("nobody drives it: --resume s of its script goes on")
    record = DriverRecord(sweep="s", command="x.py --resume s", arguments=("x.py",), job="j")
    record.write(find_home().spool("s"))
    for died, says in ((record, "j-resumed goes on in a moment, and else x.py --resume s"),
                       (replace(record, after="i"), "x.py --resume s goes on")):  # fmt: skip
        died.write(find_home().spool("s"))
        assert main(["watch", "s", "--every", "0.01"]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith(says)


def test_a_terminal_shows_one_table_within_its_width(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(home)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    assert main(["watch", "s", "--every", "0.01"]) == 0
    said = capsys.readouterr().out
    assert "\x1b[" not in said.replace("\x1b[J", "").replace("\x1b[5A", "")
    assert max(map(len, said.replace("\x1b[J", "").splitlines())) < 30


def test_ctrl_c_stops_watching_and_leaves_the_sweep_alone(home: Path) -> None:
    plan = plan_of(home, "s", 4)
    with Study.create(spec_of(plan), plan.ledger) as study:
        (lease,) = study.lease("me", 1)
        code = "import sys; from gensweep.cli import main; sys.exit(main())"
        paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
        watching = subprocess.Popen(
            [sys.executable, "-c", code, "watch", "s", "--every", "0.1"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip
        assert watching.stdout is not None
        assert "1 training" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=30)
        assert (watching.returncode, errors) == (130, "")
        end(study, lease, 1.0)
    assert read_here("s").records[0].state is TrialState.COMPLETED


def test_pace_is_of_what_was_seen_meanwhile(home: Path) -> None:
    plan = plan_of(home, "s", 2)
    meter = PaceMeter()
    with Study.create(spec_of(plan), plan.ledger) as study:
        leases = study.lease("me", 2)
        first = SweepProgress.of(read_here("s"))
        assert (first.images_left, meter.update(first, 100.0)) == (400_000, 0.0)
        end(study, leases[0], 1.0)
        later = SweepProgress.of(read_here("s"))
        assert (later.images_left, meter.update(later, 150.0)) == (200_000, 4000.0)


@pytest.mark.parametrize(
    ("words", "says"), [(["t"], "unknown sweep 't'"), (["s", "--every", "0"], "--every 0")]
)
def test_mistakes_are_told(
    home: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home)
    assert main(["watch", *words]) == 2
    assert says in capsys.readouterr().err
