"""Real sweeps with the same numbers, whatever their widths, packs, ranks and extensions.

`make nightly` runs it: nineteen sweeps take minutes. Each pack has a Ray node of its own.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.invariants import CLOCKED
from raynodes import RayNodes, stack_nodes

SCRIPT = Path(__file__).resolve().parents[1] / "compat" / "ring8_sweep.py"
TRIALS, FEWER = 64, 48
OPTIONS = ("--budget-images", "6400", "--samples", "100", "--threads", "1")
PLACES = {
    "one pack": ("--width", "4", "--packs", "1"),
    "two packs": ("--width", "8", "--packs", "2"),
    "three packs": ("--width", "12", "--packs", "3"),
}
RANKS = ("--width", "8", "--packs", "1", "--ranks", "2")
RANKS_DIFFER = 0.1
"""The most by which the total variation of a trial may differ: ranks add in another order."""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.stack,
    pytest.mark.slow("nineteen sweeps on a stack", minutes=20),
]


@pytest.fixture(scope="module")
def nodes(stack: Any) -> Iterator[RayNodes]:
    """A head and three workers of one CPU, with the stack's store and tracker."""
    with stack_nodes(stack, "i-a", "i-b", "i-c") as started:
        yield started


def run(nodes: RayNodes, *options: str) -> None:
    argv = [sys.executable, str(SCRIPT), *options]
    done = subprocess.run(argv, env=nodes.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def trials_of(stack: Any, name: str) -> list[dict[str, Any]]:
    """The trials of a sweep, without what a clock measures."""
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


def variations(trials: list[dict[str, Any]]) -> list[float]:
    return [one["metrics"]["total_variation"] for one in trials]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [("random", "none"), ("grid", "none"), ("qmc", "none"), ("qmc", "halving")],
)
def test_a_number_has_the_same_numbers_in_every_place(
    stack: Any, nodes: RayNodes, sampler: str, pruner: str
) -> None:
    """Bit for bit, also of trials that were added; what ranks add, they add in another order."""
    options = (*OPTIONS, "--sampler", sampler, "--pruner", pruner)
    if sampler == "grid":  # which otherwise is made to have as many points as trials
        options += ("--grid-points", "5")
    prefix = f"{sampler}-{pruner}"
    for place, where in PLACES.items():
        name = f"{prefix}-{place.replace(' ', '-')}"
        run(nodes, "--name", name, "--trials", str(TRIALS), *options, *where)
    found = [trials_of(stack, f"{prefix}-{place.replace(' ', '-')}") for place in PLACES]
    assert len(found[0]) == TRIALS
    for one, other in itertools.pairwise(found):
        assert one == other
    if pruner == "none":  # a cohort that is complete is judged by those it had
        extended = f"{prefix}-extended"
        run(nodes, "--name", extended, "--trials", str(FEWER), *options, *PLACES["one pack"])
        run(nodes, "--resume", extended, "--trials", str(TRIALS), *PLACES["two packs"])
        assert trials_of(stack, extended) == found[0]
    run(nodes, "--name", f"{prefix}-ranks", "--trials", str(TRIALS), *options, *RANKS)
    ranks = trials_of(stack, f"{prefix}-ranks")
    assert drawn(ranks) == drawn(found[0])
    if pruner == "none":
        assert variations(ranks) == pytest.approx(variations(found[0]), abs=RANKS_DIFFER)
