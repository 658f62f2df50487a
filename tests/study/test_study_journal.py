"""A journal in a file: one write for a transaction, and sweeps that share the file."""

import errno
import os
from pathlib import Path

import pytest

from gensweep import patience
from gensweep.errors import UserError
from gensweep.study import read_sweep
from gensweep.study.journal import _file
from study.small_study import begin, finish


def test_a_transaction_is_written_once_and_seen_by_nobody_before(tmp_path: Path) -> None:
    ledger = tmp_path / "studies"
    with begin(str(ledger), sampler="random") as study:
        before = ledger.read_bytes()
        with study.transaction():
            leases = study.lease("a", 3)
            for lease in leases:
                finish(study, lease, "completed", metrics={"fid": 1.0})
            assert ledger.read_bytes() == before
        assert ledger.read_bytes().startswith(before)
        assert len(read_sweep("s", str(ledger)).records) == 3


def test_sweeps_that_share_a_file_keep_their_trials_apart(tmp_path: Path) -> None:
    """Each appends behind what the other one wrote since, whose trials count for its ids."""
    ledger = str(tmp_path / "studies")
    with begin(ledger, name="one") as one, begin(ledger, name="two") as two:
        for turn in range(3):
            for study, value in ((one, 1.0), (two, 2.0)):
                for lease in study.lease("a", 1 + turn):
                    finish(study, lease, "completed", metrics={"fid": value})
    for name, value in (("one", 1.0), ("two", 2.0)):
        trials = read_sweep(name, ledger).records
        assert [trial.number for trial in trials] == list(range(6))
        assert {trial.metrics["fid"] for trial in trials} == {value}


@pytest.mark.parametrize("damage", [b"\xff", b"{"])
def test_a_damaged_record_is_told_and_what_came_before_it_can_be_kept(
    tmp_path: Path, damage: bytes
) -> None:
    """Nothing begins anew in silence."""
    ledger = tmp_path / "studies"
    ended = []
    with begin(str(ledger), sampler="random") as study:
        for lease in study.lease("a", 4):
            finish(study, lease, "completed", metrics={"fid": 1.0})
            ended.append(len(ledger.read_bytes().splitlines()))
    lines = ledger.read_bytes().splitlines(keepends=True)
    lines[ended[1]] = damage + lines[ended[1]]
    ledger.write_bytes(b"".join(lines))
    named = rf"^line {ended[1] + 1} of the ledger .*studies is damaged: .*`head -n {ended[1]} "
    for look in (lambda: read_sweep("s", str(ledger)), lambda: begin(str(ledger), resume=True)):
        with pytest.raises(UserError, match=named) as told:
            look()
        assert "\n" not in str(told.value)
    assert ledger.read_bytes() == b"".join(lines)
    ledger.write_bytes(b"".join(lines[: ended[1]]))  # as the line says
    with begin(str(ledger), sampler="random", resume=True) as study:
        states = [record.state for record in study.records()]
    assert states == ["completed", "completed", "queued", "queued"]


def test_a_full_disk_takes_no_part_of_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is written with the next, once there is room."""
    ledger = tmp_path / "studies"
    with begin(str(ledger), sampler="random") as study:
        before = ledger.read_bytes()

        def full(path: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(_file, "sync", full)
            patch.setattr(patience, "OUTAGE_S", 0.0)
            with pytest.raises(UserError, match=r"studies cannot be written \(No space left"):
                study.lease("a", 2)
        assert ledger.read_bytes() == before
        (lease, *_) = study.lease("a", 1)
        assert lease.number == 2
    trials = read_sweep("s", str(ledger)).records
    assert [trial.number for trial in trials] == [0, 1, 2]
