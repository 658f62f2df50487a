"""`gensweep watch` follows a sweep of another machine, whose ledger is a database."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ended_sweep import plan_of, spec_of
from gensweep.study import Study
from gensweep.trial import TrialState

WATCH = [sys.executable, "-c", "import sys; from gensweep.cli import main; sys.exit(main())",
         "watch", "far", "--json", "--every", "0.1"]  # fmt: skip


def test_a_sweep_of_another_machine_is_followed_to_its_end(database: str, tmp_path: Path) -> None:
    """Its home knows nothing of the sweep; a line of JSON tells each trial that ends."""
    plan = dataclasses.replace(plan_of(tmp_path / "there", "far", 3), ledger=database)
    here = {"GENSWEEP_HOME": str(tmp_path / "here"), "GENSWEEP_LEDGER": database}
    with Study.create(spec_of(plan), database) as study:
        watcher = subprocess.Popen(WATCH, env=os.environ | here, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)  # fmt: skip
        assert watcher.stdout is not None
        told = [json.loads(watcher.stdout.readline())]
        for value in (3.0, 2.0, 1.0):
            (lease,) = study.lease("me", 1)
            resolved = study.resolve_end(lease, TrialState.COMPLETED, "", {"frechet": value})
            assert resolved is not None
            assert study.finish(lease, resolved, 200_000, {"outcome": "converged"})
            told.append(until_told(watcher, len(told)))
    rest, errors = watcher.communicate(timeout=60)  # it ends once nobody drives the sweep
    assert watcher.returncode == 0, errors
    assert [one["states"].get("completed", 0) for one in told] == [0, 1, 2, 3]
    last = json.loads(rest.splitlines()[-1]) if rest else told[-1]
    assert last["over"]
    assert last["complete"]


def until_told(watcher: "subprocess.Popen[str]", ends: int) -> dict[str, Any]:
    """The first line by which so many trials have ended."""
    deadline = time.monotonic() + 60
    assert watcher.stdout is not None
    while True:
        found: dict[str, Any] = json.loads(watcher.stdout.readline())
        if found["states"].get("completed", 0) >= ends:
            return found
        assert time.monotonic() < deadline, found
