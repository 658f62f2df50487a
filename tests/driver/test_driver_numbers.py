"""Real sweeps with the same numbers, whatever their widths, packs and ranks.

`make nightly` runs it: twelve sweeps take minutes. Three packs would take a third core, which a
stack need not have.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.invariants import CLOCKED

SCRIPT = Path(__file__).resolve().parents[1] / "compat" / "ring8_sweep.py"
OPTIONS = ("--trials", "32", "--budget-images", "6400", "--samples", "100", "--threads", "1")
PLACES = {
    "one pack": ("--width", "4", "--packs", "1"),
    "two packs": ("--width", "8", "--packs", "2"),
    "a wide pack": ("--width", "12", "--packs", "1"),
    "two ranks": ("--width", "8", "--packs", "1", "--ranks", "2"),
}

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.stack,
    pytest.mark.slow("twelve sweeps on a stack", minutes=12),
]


def trials_of(stack: Any, name: str, *options: str) -> list[dict[str, Any]]:
    """The trials of a new sweep, without what a clock measures."""
    argv = [sys.executable, str(SCRIPT), "--name", name, *OPTIONS, *options]
    done = subprocess.run(argv, env=stack.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(stack.run("results", name, "--json").stdout)["trials"]
    kept = ("number", "params", "seed", "group", "state", "outcome", "images")
    return [
        {key: trial[key] for key in kept} | {"metrics": {
            metric: value for metric, value in trial["metrics"].items()
            if not any(clocked in metric for clocked in CLOCKED)
        }} for trial in sorted(found, key=lambda trial: int(trial["number"]))
    ]  # fmt: skip


def drawn(trials: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["number"], one["params"], one["seed"], one["group"]) for one in trials]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("sampler", "pruner"), [("random", "none"), ("grid", "none"), ("qmc", "halving")]
)
def test_a_number_has_the_same_numbers_in_every_place(
    stack: Any, sampler: str, pruner: str
) -> None:
    """Bit for bit; ranks add in another order, which alone may change what follows."""
    options = ("--sampler", sampler, "--pruner", pruner)
    found = {
        place: trials_of(stack, f"{sampler}-{place.replace(' ', '-')}", *options, *where)
        for place, where in PLACES.items()
    }
    ranks = found.pop("two ranks")
    assert len(ranks) == 32
    for one, other in itertools.pairwise(found.values()):
        assert one == other
    assert drawn(ranks) == drawn(found["one pack"])
