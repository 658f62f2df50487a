"""A real sweep on hosts with prices: the estimate of a dry run, and a stop within the bound."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forks import Forks
from gensweep.study import ledger_of, read_sweep
from raynodes import RayNodes, stack_nodes

pytestmark = [
    pytest.mark.slow("a sweep on two nodes spends its bound, in real seconds", minutes=1.5),
    pytest.mark.stack,
]

SCRIPT = Path(__file__).resolve().parents[2] / "sweeps" / "vae_tradeoff.py"
HOURLY = 1800.0
"""Of each of two hosts: together one a second."""
OPTIONS = ["--trials", "3", "--packs", "1", "--width", "3", "--sampler", "random",
           "--samples", "200"]  # fmt: skip


@pytest.fixture(scope="module")
def cluster(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    prices = tmp_path_factory.mktemp("prices") / "prices.json"
    row = {"gpus": 0, "on_demand": 2 * HOURLY, "spot": HOURLY}
    prices.write_text(json.dumps({"currency": "EUR", "regions": {"us-east-1": {"box": row}}}))
    hired = {"GENSWEEP_PRICES": str(prices), "RAY_CLOUD_INSTANCE_TYPE_NAME": "box",
             "RAY_NODE_MARKET_TYPE": "spot"}  # fmt: skip
    with stack_nodes(stack, "i-a", **hired) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def scripts(cluster: RayNodes) -> Iterator[Forks]:
    """Runs scripts in the environment of the cluster."""
    forks = Forks(cluster.env)
    yield forks
    forks.close()


def answer(scripts: Forks, env: dict[str, str], *options: str) -> tuple[int, str]:
    """Run a script that trains nothing in one of `scripts`; its exit status, and what it wrote."""
    done = scripts.run(SCRIPT, [*OPTIONS, *options], env=env, cwd=Path.cwd())
    return done.returncode, done.stdout + done.stderr


def test_a_dry_run_tells_the_cost(cluster: RayNodes, scripts: Forks) -> None:
    code, output = answer(
        scripts, cluster.env, "--dry-run", "--budget-images", "100000000", "--max-cost", "36"
    )
    assert code == 0, output
    found = re.search(r"cost +at least ([\d,.]+) EUR: ([\d,.]+) h of 2 x box \(spot\) at 3,600\.00 "
                      r"EUR an hour; --max-cost 36 lasts at most 0\.01 h, too little",
                      output)  # fmt: skip
    assert found, output
    money, hours = (float(n.replace(",", "")) for n in found.groups())
    assert money == pytest.approx(3600 * hours, abs=0.005 * 3600 + 0.005)


def test_a_dry_run_measures_on_a_worker(cluster: RayNodes, scripts: Forks) -> None:
    """The head has no room for tasks."""
    code, output = answer(
        scripts, cluster.env, "--dry-run", "--measure", "--budget-images", "100000000"
    )
    assert code == 0, output
    found = re.search(r"expected +([\d,.]+) min of training, as measured on a worker "
                      r"\(.+ cores\); evaluation", output)  # fmt: skip
    assert found, output
    assert float(found[1].replace(",", "")) > 0
    assert re.search(r"cost +at least [\d,.]+ EUR", output)


def test_measuring_is_for_a_dry_run(stack: Any, stack_scripts: Forks) -> None:
    code, output = answer(stack_scripts, stack.env, "--measure")
    assert code == 2
    assert re.search(r"^error: --measure is for --dry-run", output)
    code, output = answer(
        stack_scripts, stack.env, "--dry-run", "--measure", "--instance-type", "g6.xlarge"
    )
    assert code == 2
    assert "says nothing of --instance-type g6.xlarge: leave one out" in output


def test_unknown_instances_are_told(cluster: RayNodes, scripts: Forks) -> None:
    code, output = answer(scripts, cluster.env, "--dry-run", "--instance-type", "p9.huge")
    assert code == 2
    assert re.search(r"^error: the price table \S+ has no p9\.huge in us-east-1: add it", output)
    code, output = answer(scripts, cluster.env, "--instance-type", "box")
    assert code == 2
    assert "is for --dry-run" in output


def test_a_bound_without_prices_is_refused(stack: Any, stack_scripts: Forks) -> None:
    code, output = answer(stack_scripts, stack.env, "--max-cost", "5")
    assert code == 2
    assert "error: --max-cost 5: what an hour costs is not known" in output
    assert "--hourly-price" in output


def test_a_sweep_stops_within_its_bound(cluster: RayNodes) -> None:
    bound = 60.0
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *OPTIONS, "--name", "bounded",
         "--budget-images", "100000000", "--max-cost", str(bound)],
        env=cluster.env, text=True, capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    view = read_sweep("bounded", ledger_of(cluster.env["GENSWEEP_HOME"]))
    print(f"cost {view.cost:.1f} of {bound}")
    assert 0.4 * bound < view.cost < bound
    assert {record.state for record in view.records} == {"queued"}
    assert re.search(r"\| +cost \d", output)
    assert "--resume bounded" in output
