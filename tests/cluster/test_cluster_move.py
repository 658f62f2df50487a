"""A node drains in the moment between a pack's placement on it and the pack's start."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raynodes import RayNodes, ray_nodes, until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SWEEP = ["--trials", "5", "--budget-images", "20000", "--packs", "1",
         "--width", "5", "--samples", "100", "--data", "ring8"]  # fmt: skip
HOLD = """
import ray, sys
ray.init(log_to_driver=False)
@ray.remote(num_cpus=0.95)
class Held:
    def here(self): return True
held = [Held.options(resources={node: 1}).remote() for node in sys.argv[1:]]
ray.get([one.here.remote() for one in held])
print("held", flush=True)
sys.stdin.readline()
"""
PLACES = """
import ray, sys
ray.init(log_to_driver=False)
for _ in sys.stdin:
    print("state", *(group["state"] for group in ray.util.placement_group_table().values()),
          flush=True)
"""
DRAIN = """
import sys
from gensweep.cluster._nodes import Nodes
nodes = Nodes(sys.argv[1])
assert nodes.drain(nodes.alive()[sys.argv[2]], "test", None) == ""
"""


@pytest.fixture
def cluster(stack: Any) -> Iterator[RayNodes]:
    mine = {k: v for k, v in stack.env.items() if not k.startswith("RAY_")}
    with ray_nodes(**mine) as nodes:
        nodes.head()
        until(lambda: nodes.started("i-head"), 60, lambda: nodes.told("i-head"))
        yield nodes


def heard(process: "subprocess.Popen[str]", start: str) -> str:
    """The next line that starts so."""
    assert process.stdout is not None
    return next(line for line in process.stdout if line.startswith(start))


def asked(places: "subprocess.Popen[str]") -> list[str]:
    """The states of the cluster's placement groups that are wanted."""
    assert places.stdin is not None
    places.stdin.write("\n")
    places.stdin.flush()
    return sorted(set(heard(places, "state").split()[1:]) - {"REMOVED"})


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_pack_that_waits_on_a_draining_node_is_placed_anew(cluster: RayNodes, ranks: int) -> None:
    """Its place is found while who is to start it is stopped, and so starts it when that drains."""
    full, free = ["i-full", "i-too"][:ranks], ["i-short", "i-other"][:ranks]
    cluster.join(*full)
    holder = cluster.script(HOLD, *full, stdin=subprocess.PIPE)
    heard(holder, "held")
    places = cluster.script(PLACES, stdin=subprocess.PIPE)
    sweep = started(cluster, "--name", f"moved-{ranks}", "--ranks", str(ranks))
    try:
        until(lambda: "PENDING" in asked(places) or sweep.poll() is not None, 120)
        assert sweep.poll() is None, sweep.communicate()[0]
        if ranks > 1:
            until(lambda: cluster.actor("TrainController") and "CREATED" in asked(places), 60)
        starter = sweep.pid if ranks == 1 else cluster.actor("TrainController")
        os.kill(starter, signal.SIGSTOP)
        cluster.join(*free)
        until(lambda: asked(places) == ["CREATED"], 30)
        output, _ = cluster.script(DRAIN, cluster.address, "i-short").communicate(timeout=60)
        assert output == ""
        os.kill(starter, signal.SIGCONT)
        until(lambda: "i-short" not in cluster.alive(), 60, lambda: str(asked(places)))
        holder.communicate("\n", timeout=60)
        said, _ = sweep.communicate(timeout=200)
    finally:
        for process in (sweep, places, holder):
            process.kill()
    assert sweep.returncode == 0, said[-3000:]
    assert said.count("a node drains before its pack has begun: it is placed anew") == 1
    assert "a pack died" not in said


def started(cluster: RayNodes, *options: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, str(ROOT / "sweeps/gan_stability.py"), *SWEEP, *options]
    return subprocess.Popen(argv, env=cluster.env, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)  # fmt: skip
