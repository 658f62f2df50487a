"""A pack on two Train workers gives what it gives in one process.

Twenty steps: later, Adam makes much of the last bit of a gradient that is all but zero.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow("two sweeps on a stack", minutes=1.5),
]


def sweep(stack: Any, ranks: int) -> dict[int, dict[str, float]]:
    name = f"on-{ranks}-ranks"
    done = subprocess.run(
        [sys.executable, str(ROOT / "sweeps" / "vae_tradeoff.py"), "--name", name, "--ranks",
         str(ranks), "--packs", "1", "--trials", "2", "--budget-images", "2560", "--sampler",
         "random", "--width", "2", "--samples", "200"],
        env=stack.env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    trials = json.loads(stack.run("results", name, "--json").stdout)["trials"]
    return {t["number"]: t["metrics"] for t in trials}


def test_two_ranks_give_what_one_gives(stack: Any) -> None:
    one, two = sweep(stack, 1), sweep(stack, 2)
    assert sorted(one) == sorted(two) == [0, 1]
    for number, metrics in one.items():
        for name in ("nll", "rate", "distortion"):
            assert two[number][name] == pytest.approx(metrics[name], rel=1e-3), name
