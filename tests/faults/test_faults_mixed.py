"""A real sweep through random faults ends as one that nothing disturbed: see `tests/faults`.

`make nightly` runs it: neither `make test` nor a quick selection has the minutes that it takes.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faults.schedule import KINDS, SILENCE

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 3.0
ALL_BUT_THE_COORDINATOR = (
    "kill_pack", "stop_pack", "kill_driver", "interrupt_driver", "lose_node",
    "kill_store_process", "kill_tracker", "store_away", "store_slow", "store_cut", "tracker_away",
    "tracker_slow", "tracker_cut", "database_away", "database_slow", "database_cut",
)  # fmt: skip
OF_THE_DRIVER = {"kill_driver", "interrupt_driver"}
"""After these, and these alone, a person types --resume."""
BUT_OF_THE_DRIVER = tuple(kind for kind in KINDS if kind not in OF_THE_DRIVER)
FAILED_ONCE = (1, 1.5, ALL_BUT_THE_COORDINATOR)
"""By this seed an invariant was once broken: MLflow's answers were cut within their headers."""
WITHOUT_A_PERSON = (1, MINUTES, BUT_OF_THE_DRIVER)
"""The coordinator is killed four times, two packs are killed, and one is stopped."""
A_SILENCE = (0, 0.1, (SILENCE,))
"""A pack that others have given up comes back, and is too late with all that it has."""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.stack,
    pytest.mark.slow("a sweep through minutes of faults, for each seed", minutes=25),
]


def seed_of_commit() -> int:
    """Derive a seed from the commit that is checked out; 0 outside of a repository."""
    argv = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return int(done.stdout[:7] or "0", 16)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("seed", "minutes", "kinds"),
    [(seed_of_commit(), MINUTES, KINDS), FAILED_ONCE, WITHOUT_A_PERSON, A_SILENCE],
)
def test_a_disturbed_sweep_ends_as_an_undisturbed_one(
    seed: int, minutes: float, kinds: tuple[str, ...]
) -> None:
    argv = [sys.executable, "-m", "tests.faults", "--seed", str(seed), "--minutes", str(minutes)]
    done = subprocess.run(
        [*argv, "--kinds", *kinds], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout)
    report = json.loads(done.stdout)
    assert {name: found for name, found in report["violations"].items() if found} == {}
    assert report["ended"]
    of_driver = [fault for fault in report["faults"] if fault["kind"] in OF_THE_DRIVER]
    assert len(report["typed"]) <= len(of_driver), report["typed"]
    assert report["faults_hit"] >= report["faults_planned"] / 2  # the sweep is long enough
    if SILENCE in kinds:
        assert report["trials_retried"] > 0  # the lease did not last as long
    assert done.returncode == 0
