"""Benchmarks still run, and say what they promise; how fast is for them to say, not for a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
PROMISED = {"benchmark", "figures", "ratios", "equal_quality", "machine"}

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def run(name: str, *argv: str, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *argv], env=env, text=True,
                          capture_output=True, timeout=250, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert set(found) >= PROMISED
    assert found["benchmark"] == name
    return found


def test_bookkeeping_ends_every_trial(stack: Any) -> None:
    found = run("bookkeeping", "--trials", "200", "--tpe-trials", "40", env=stack.env)["figures"]
    assert found["seconds"] > 0
    assert 0 < found["pruned"] < 200
    assert {"last_over_first", "memory_mib", "tracked", "tpe.seconds"} <= set(found)


def test_evaluation_agrees_with_the_libraries(stack: Any) -> None:
    found = run("evaluation", "--threads", "1", env=stack.env)
    assert found["equal_quality"] is True
    assert found["ratios"]["libraries"] > 0


def test_the_engine_is_compared_with_code_by_hand(stack: Any) -> None:
    argv = ["--quick", "--models", "mlp_gan", "--widths", "2"]
    found = run("engine_overhead", *argv, env=stack.env)
    assert set(found["ratios"]) >= {"small.bare_loop", "small.stacked", "medium.stacked"}
    assert all(value > 0 for value in found["ratios"].values())
    assert found["figures"]["mlp_gan.2.mib"] > 0
