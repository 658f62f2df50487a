"""A node drains in the moment between a pack's placement on it and the pack's start."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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
    groups = ray.util.placement_group_table().items()
    print("places", *(f"{name}={group['state']}:{len(group['bundles'])}" for name, group in groups),
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


def asked(places: "subprocess.Popen[str]") -> dict[str, str]:
    """The cluster's placement groups that are wanted: the state of each, and its places."""
    assert places.stdin is not None
    places.stdin.write("\n")
    places.stdin.flush()
    groups = (one.split("=") for one in heard(places, "places").split()[1:])
    return {name: state for name, state in groups if "REMOVED" not in state}


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_pack_that_waits_on_a_draining_node_is_placed_anew(cluster: RayNodes, ranks: int) -> None:
    """Its place is found while who is to start it is stopped, and so starts it when that drains."""
    full, free = ["i-full", "i-too"][:ranks], ["i-short", "i-other"][:ranks]
    cluster.join(*full)
    holder = cluster.script(HOLD, *full, stdin=subprocess.PIPE)
    heard(holder, "held")
    places = cluster.script(PLACES, stdin=subprocess.PIPE)
    log = cluster.folder / "sweep.log"
    sweep = started(cluster, log, "--name", f"moved-{ranks}", "--ranks", str(ranks))

    def said() -> str:
        return f"{log.read_text()[-3000:]}\n{places.poll() or asked(places)} {cluster.alive()}"

    try:
        until(
            lambda: f"PENDING:{ranks}" in asked(places).values() or sweep.poll() is not None,
            120,
            said,
        )
        assert sweep.poll() is None, said()
        if ranks > 1:
            replaced(cluster, places, said)
        starter = sweep.pid if ranks == 1 else cluster.actor("TrainController")
        os.kill(starter, signal.SIGSTOP)
        cluster.join(*free)
        until(lambda: f"CREATED:{ranks}" in asked(places).values(), 30, said)
        output, _ = cluster.script(DRAIN, cluster.address, "i-short").communicate(timeout=60)
        assert output == ""
        os.kill(starter, signal.SIGCONT)
        until(lambda: "i-short" not in cluster.alive(), 60, said)
        holder.communicate("\n", timeout=60)
        until(lambda: sweep.poll() is not None, 400, said)
    finally:
        for process in (sweep, places, holder):
            process.kill()
    told = log.read_text()
    assert sweep.returncode == 0, told
    assert told.count("a node drains before its pack has begun: it is placed anew") == 1
    assert told.count("a pack died") == ranks - 1


def replaced(cluster: RayNodes, places: "subprocess.Popen[str]", said: Callable[[], str]) -> None:
    """Kill a pack whose ranks wait for places: Tune starts another, and only its group waits."""

    def waiting() -> set[str]:
        return {name for name, state in asked(places).items() if state == "PENDING:2"}

    old = waiting()
    os.kill(cluster.actor("ImplicitFunc"), signal.SIGKILL)
    until(lambda: len(waiting()) == 1 and not waiting() & old, 60, said)


def started(cluster: RayNodes, log: Path, *options: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, str(ROOT / "sweeps/gan_stability.py"), *SWEEP, *options]
    with log.open("wb") as file:
        return subprocess.Popen(argv, env=cluster.env, stdout=file, stderr=subprocess.STDOUT)
