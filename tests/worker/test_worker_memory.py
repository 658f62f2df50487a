"""A pack that does not fit into memory goes on with fewer lanes.

In processes of their own, under a limit of the kernel: who else allocates beyond it may abort.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
HIDDEN = 1000
LANE_MIB = 4 * 4 * 2 * (HIDDEN**2 + 194 * HIDDEN) / 2**20
"""Weights, gradient and two moments of one lane of the flow below; as much again is traced."""
SCRIPT = f"""
import json, logging, resource, sys
from pathlib import Path
import psutil
from gensweep.worker import train_trials
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real
from small_sweep import SmallSweep

width, mib = int(sys.argv[3]), float(sys.argv[4])
small_sweep = SmallSweep(
    Path(sys.argv[1]), Path(sys.argv[2]), trials=16, width=width, budget_images=192, rungs=1,
    model=CATALOG["realnvp"], fixed=dict(couplings=2, layers=2, hidden={HIDDEN}, batch_size=64),
    space=dict(learning_rate=Real(1e-4, 1e-3, log=True)),
)
size = psutil.Process().memory_info().data + int(mib * 2**20)
before = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (size, before[1]))
said = []
log = logging.getLogger("gensweep.worker._strata")
log.setLevel("INFO")
log.addHandler(logging.Handler())
log.handlers[0].emit = lambda record: said.append(record.getMessage())
try:
    train_trials(small_sweep.sweep, small_sweep.in_process("pack"), small_sweep.evaluator,
                 small_sweep.source)
finally:  # an interpreter that ends under the limit may crash
    resource.setrlimit(resource.RLIMIT_DATA, before)
found = {{n: [t.state, small_sweep.result(n)["number"]] for n, t in small_sweep.trials().items()}}
print(json.dumps([said, found]))
small_sweep.close()
"""

pytestmark = [pytest.mark.slow("trains until memory is short", minutes=1.2)]


def run(folder: Path, ready: Path, width: int, mib: float) -> "subprocess.CompletedProcess[str]":
    paths = [TESTS, TESTS.parent / "platform", TESTS.parent / "models"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-c", SCRIPT, str(folder), str(ready), str(width), str(mib)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=600, check=False)


def test_half_of_the_lanes_go_on_and_every_trial_ends_once(tmp_path: Path, ready: Any) -> None:
    done = run(tmp_path, ready, 16, 18 * LANE_MIB)
    assert done.returncode == 0, done.stderr[-2000:]
    said, found = json.loads(done.stdout.splitlines()[-1])
    assert "out of memory: going on with 8 lanes" in said
    assert {state for state, _ in found.values()} <= {"completed", "collapsed"}
    assert [number for _, number in found.values()] == list(range(16))


def test_one_lane_that_does_not_fit_is_an_error(tmp_path: Path, ready: Any) -> None:
    done = run(tmp_path, ready, 1, LANE_MIB / 2)
    assert done.returncode == 1
    assert "can't allocate memory" in done.stderr
