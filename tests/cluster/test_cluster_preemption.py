"""Spot takes a node: its pack saves every lane and leaves, and another goes on elsewhere."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gensweep.lanes import LaneState
from gensweep.storage import Checkpoints, open_store
from raynodes import RayNodes, ray_nodes, until

pytestmark = [
    pytest.mark.slow("two sweeps, one of which leaves a node that drains", minutes=1.5),
    pytest.mark.stack,
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 20
BUDGET = 120_000
OPTIONS = ["--trials", "3", "--budget-images", str(BUDGET), "--packs", "1", "--width", "3",
           "--sampler", "random", "--samples", "200"]  # fmt: skip
EVALUATED = ("nll", "frechet", "density", "coverage")


@pytest.fixture(scope="module")
def cluster(stack: Any) -> Iterator[RayNodes]:
    mine = {k: v for k, v in stack.env.items() if not k.startswith("RAY_")}
    mine |= {"GENSWEEP_HOME": stack.env["GENSWEEP_HOME"]}
    with ray_nodes(**mine) as nodes:
        nodes.head()
        until(lambda: nodes.started("i-head"), 60, lambda: nodes.told("i-head"))
        nodes.join("i-a", "i-b")
        yield nodes


def run(cluster: RayNodes, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "sweeps" / "vae_tradeoff.py"), *OPTIONS, *options],
        env=cluster.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finished(process: "subprocess.Popen[str]") -> str:
    """What a sweep that ends well has printed."""
    try:
        output, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    assert process.returncode == 0, output[-3000:]
    return output


def saved(cluster: RayNodes, name: str) -> dict[str, dict[str, int]]:
    """Owner to the batches that each lane of its last checkpoint has seen."""
    store = open_store(cluster.env["GENSWEEP_STORE"])
    prefix = f"sweeps/{name}/checkpoints/"
    found = {}
    for owner in {key.removeprefix(prefix).split("/")[0] for key in store.list(prefix)}:
        kept = Checkpoints(store, f"{prefix}{owner}")
        if (last := kept.latest()) is not None:
            found[owner] = {
                n: LaneState.from_bytes(kept.read_lane(n)[0]).meta["ticks"] for n in last.lanes
            }
    return found


def results(stack: Any, name: str) -> dict[int, dict[str, Any]]:
    done = stack.run("results", name, "--json")
    assert done.returncode == 0, done.stderr
    return {t["number"]: t for t in json.loads(done.stdout)["trials"]}


def test_a_pack_leaves_a_draining_node(stack: Any, cluster: RayNodes,
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    alone = run(cluster, "--name", "alone")
    finished(alone)

    process = run(cluster, "--name", "drained")
    until(lambda: saved(cluster, "drained"), 100, lambda: str(process.poll()))
    first = cluster.instance_of(cluster.actor("ImplicitFunc"))
    ((owner, before),) = saved(cluster, "drained").items()
    notice = time.time()
    cluster.drain(first, DEADLINE_S)
    until(lambda: first not in cluster.alive(), DEADLINE_S + 10)
    print(f"the node was empty {time.time() - notice:.1f} s after the notice")
    assert time.time() < notice + DEADLINE_S
    after = saved(cluster, "drained")[owner]
    print(f"batches before {before}, as saved when it left {after}")
    assert all(after[lane] > before[lane] for lane in before)

    output = finished(process)
    assert "died" not in output
    found, expected = results(stack, "drained"), results(stack, "alone")
    for number, trial in found.items():
        assert trial["params"] == expected[number]["params"]
        assert {k: trial["metrics"][k] for k in EVALUATED} == {
            k: expected[number]["metrics"][k] for k in EVALUATED
        }
        assert trial["images"] == expected[number]["images"]
        assert trial["attempts"] == 2
