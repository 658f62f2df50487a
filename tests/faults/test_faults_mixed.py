"""A real sweep through random faults ends as one that nothing disturbed: see `tests/faults`.

`make nightly` runs it: neither `make test` nor a quick selection has the minutes that it takes.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 3
FAILED_ONCE: tuple[tuple[int, tuple[str, ...]], ...] = ()
"""Seeds, each with its kinds of faults, by which an invariant was once broken."""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.stack,
    pytest.mark.slow("a sweep through minutes of faults, for each seed", minutes=10),
]


def seed_of_commit() -> int:
    """Derive a seed from the commit that is checked out; 0 outside of a repository."""
    argv = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return int(done.stdout[:7] or "0", 16)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("seed", "kinds"), [(seed_of_commit(), ()), *FAILED_ONCE], ids=str)
def test_a_disturbed_sweep_ends_as_an_undisturbed_one(seed: int, kinds: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "tests.faults", "--seed", str(seed), "--minutes", str(MINUTES)]
    chosen = ["--kinds", *kinds] if kinds else []
    done = subprocess.run(
        [*argv, *chosen], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    report = json.loads(done.stdout)
    print(done.stdout)
    assert {name: found for name, found in report["violations"].items() if found} == {}
    assert report["ended"]
    assert report["faults_hit"] >= 5
    assert done.returncode == 0
