"""A node drains, or a pack dies, in the moment between a pack's placement and its start."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raynodes import RayNodes, stack_nodes
from waiting import until

pytestmark = [
    pytest.mark.slow("sweeps whose packs are stopped, drained and placed anew", minutes=3),
    pytest.mark.stack,
]

ROOT = Path(__file__).resolve().parents[2]
SWEEP = ["--trials", "5", "--budget-images", "2000", "--packs", "1",
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
DEAD = """
import os, ray, signal, time
from gensweep.cluster import groups_of_dead_actors
ray.init(log_to_driver=False)
@ray.remote(num_cpus=0)
class Maker:
    def make(self):
        bundles = {"here": [{"CPU": 0.1}], "nowhere": [{"CPU": 9}]}
        made = {name: ray.util.placement_group(bundle) for name, bundle in bundles.items()}
        made["kept"] = ray.util.placement_group([{"CPU": 0.1}], lifetime="detached")
        return os.getpid(), made
mine = ray.util.placement_group([{"CPU": 0.1}])
living, dying = Maker.remote(), Maker.remote()
_, others = ray.get(living.make.remote())
process, made = ray.get(dying.make.remote())
assert groups_of_dead_actors() == []
os.kill(process, signal.SIGKILL)
while not (dead := groups_of_dead_actors()):
    time.sleep(0.2)
names = {group.id: name for name, group in made.items()}
print("dead", *sorted(names.get(group.id, "foreign") for group in dead), flush=True)
for groups in (made, others):
    ray.util.remove_placement_group(groups["kept"])
"""


@pytest.fixture(scope="module")
def head(stack: Any) -> Iterator[RayNodes]:
    with stack_nodes(stack) as nodes:
        yield nodes


@pytest.fixture
def cluster(head: RayNodes) -> Iterator[RayNodes]:
    """The head, without workers; those that join are gone with the test."""
    yield head
    for worker in set(head.nodes) - {"i-head"}:
        head.cut(worker)
    until(lambda: head.alive() == {"i-head": False}, 60, lambda: str(head.alive()))


class Places:
    """The cluster's placement groups."""

    def __init__(self, driver: "subprocess.Popen[str]"):
        self._driver = driver

    def wanted(self) -> dict[str, str]:
        """The state of each that is not removed, with how many places it has."""
        assert self._driver.stdin is not None
        self._driver.stdin.write("\n")
        self._driver.stdin.flush()
        groups = (one.split("=") for one in heard(self._driver, "places").split()[1:])
        return {name: state for name, state in groups if "REMOVED" not in state}

    def why(self) -> str:
        return str(self.wanted()) if self._driver.poll() is None else "nobody tells of groups"

    def that(self, state: str) -> set[str]:
        """The groups that are so."""
        return {name for name, found in self.wanted().items() if found == state}


@pytest.fixture
def places(cluster: RayNodes) -> Iterator[Places]:
    driver = cluster.script(PLACES, stdin=subprocess.PIPE)
    yield Places(driver)
    driver.kill()


def heard(process: "subprocess.Popen[str]", start: str) -> str:
    """The next line that starts so."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith(start):
            return line
    raise AssertionError(f"no line starts with {start!r}: {''.join(told)[-3000:]}")


class Sweep:
    """A sweep of five trials, and what it tells."""

    def __init__(self, cluster: RayNodes, places: Places, ranks: int):
        self._cluster, self._places = cluster, places
        self._log = cluster.folder / "sweep.log"
        argv = [sys.executable, str(ROOT / "sweeps/gan_stability.py"), *SWEEP,
                "--ranks", str(ranks)]  # fmt: skip
        with self._log.open("wb") as file:
            self.process = subprocess.Popen(argv, env=cluster.env, stdout=file, stderr=file)

    def told(self) -> str:
        return self._log.read_text()

    def why(self) -> str:
        return f"{self.told()[-3000:]}\n{self._places.why()}\n{self._cluster.alive()}"

    def waits(self, ranks: int) -> set[str]:
        """The group of its pack, for which the cluster has no room."""
        ended = self.process.poll
        until(lambda: self._places.that(f"PENDING:{ranks}") or ended() is not None, 120, self.why)
        assert ended() is None, self.why()
        return self._places.that(f"PENDING:{ranks}")


@pytest.fixture
def sweep(cluster: RayNodes, places: Places) -> Iterator[Callable[[int], Sweep]]:
    started = []

    def start(ranks: int) -> Sweep:
        started.append(Sweep(cluster, places, ranks))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def fill(cluster: RayNodes) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Lets workers join, and what keeps them full until it hears a line."""
    started = []

    def start(*instances: str) -> "subprocess.Popen[str]":
        cluster.join(*instances)
        started.append(cluster.script(HOLD, *instances, stdin=subprocess.PIPE))
        heard(started[-1], "held")
        return started[-1]

    yield start
    for holder in started:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_pack_that_waits_on_a_draining_node_is_placed_anew(
    cluster: RayNodes,
    places: Places,
    fill: Callable[..., Any],
    sweep: Callable[[int], Sweep],
    ranks: int,
) -> None:
    """Its place is found while who is to start it is stopped, and so starts it when that drains."""
    full, free = ["i-full", "i-too"][:ranks], ["i-short", "i-other"][:ranks]
    holder = fill(*full)
    running = sweep(ranks)
    running.waits(ranks)
    starter = running.process.pid if ranks == 1 else cluster.actor("TrainController")
    os.kill(starter, signal.SIGSTOP)
    cluster.join(*free)
    until(lambda: places.that(f"CREATED:{ranks}"), 30, running.why)
    cluster.drain("i-short")
    os.kill(starter, signal.SIGCONT)
    until(lambda: (now := cluster.alive()) and "i-short" not in now, 60, running.why)
    holder.communicate("\n", timeout=60)
    until(lambda: running.process.poll() is not None, 300, running.why)
    told = running.told()
    assert running.process.returncode == 0, told
    assert told.count("a node drains before its pack has begun: it is placed anew") == 1
    assert "a pack died" not in told


def test_a_pack_that_dies_while_its_ranks_wait_leaves_no_places(
    cluster: RayNodes, places: Places, fill: Callable[..., Any], sweep: Callable[[int], Sweep]
) -> None:
    fill("i-full", "i-too")
    running = sweep(2)
    (old,) = running.waits(2)
    os.kill(cluster.actor("ImplicitFunc"), signal.SIGKILL)
    until(lambda: (now := places.that("PENDING:2")) and old not in now, 120, running.why)
    until(lambda: "a pack died of the end of its process" in running.told(), 30, running.why)


def test_of_groups_only_those_go_whose_makers_are_dead(cluster: RayNodes) -> None:
    cluster.join("i-single")
    asker = cluster.script(DEAD)
    try:
        output, _ = asker.communicate(timeout=600)
    finally:
        asker.kill()
    assert "dead here nowhere" in output.splitlines(), output
