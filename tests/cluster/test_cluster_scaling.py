"""Ray's own autoscaler drives the provider: instances of moto, raylets in place of their hosts."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import (
    ENV,
    Wire,
    alive,
    cluster_yaml,
    launch_template,
    moto_server,
    subnets,
    wire_to,
)
from infra.aws import client, free_port
from raynodes import RayNodes, ray_nodes
from waiting import until

pytestmark = [
    pytest.mark.slow(
        "Ray's autoscaler starts and ends nodes, after timeouts of its own", minutes=2
    ),
    pytest.mark.stack,
]
JOIN_S = 5
HOLD = """
import os, sys, time, ray
gate, count = sys.argv[1], int(sys.argv[2])
@ray.remote(num_gpus=1, max_retries=0)
def hold():
    while not os.path.exists(gate):
        time.sleep(0.1)
ray.init(log_to_driver=False)
ray.get([hold.remote() for _ in range(count)])
"""


class Hosts(threading.Thread):
    """What happens to instances: a host boots and joins, or, in a `mute` pool, never does."""

    def __init__(self, nodes: RayNodes, ec2: Any):
        super().__init__(daemon=True)
        self.nodes, self.ec2 = nodes, ec2
        self.mute: set[str] = set()
        self.most: Counter[str] = Counter()
        self.seen: dict[str, str] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.3):
            there = {i: tags["gensweep:pool"] for i, tags in alive(self.ec2).items()}
            self.seen |= there
            for pool, count in (Counter(there.values()) | Counter(all=len(there))).items():
                self.most[pool] = max(self.most[pool], count)
            self._boot([i for i, pool in there.items() if pool not in self.mute])
            for i in set(self.nodes.nodes) - set(there) - {"i-head", "monitor"}:
                self.nodes.cut(i)

    def _boot(self, instances: list[str]) -> None:
        """Start raylets at once, each with a folder of its own; again, where one has died."""
        nodes = self.nodes.nodes
        for i in instances:
            if i in nodes and nodes[i].poll() is not None:
                self.nodes.cut(i)
            if i not in nodes:
                self.nodes.worker(i, self.seen[i], "--num-cpus=1", "--num-gpus=1",
                                  f"--temp-dir={self.nodes.folder / i}")  # fmt: skip

    def stop(self) -> None:
        self._ended.set()
        self.join(30)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with moto_server() as moto, wire_to(moto) as wire:
        yield wire


@pytest.fixture(scope="module")
def templates(wire: Wire) -> dict[str, str]:
    ec2 = client("ec2", wire.target)
    return {name: launch_template(ec2, name) for name in ("spot", "other")}


@pytest.fixture(scope="module")
def nodes(wire: Wire, templates: dict[str, str]) -> Iterator[RayNodes]:
    ec2 = client("ec2", wire.target)

    def pool(name: str, market: str, most: int, priority: int) -> dict[str, Any]:
        config = {
            "launch_template": {"id": templates[name]}, "instance_types": ["g6.xlarge"],
            "subnets": subnets(ec2), "market": market, "max_workers": most,
        }  # fmt: skip
        return {"resources": {"CPU": 1, "GPU": 1}, "node_config": config, "max_workers": most,
                "priority": priority}  # fmt: skip

    pools = {"spot": pool("spot", "spot", 2, 2), "other": pool("other", "on-demand", 3, 1)}
    env = {**ENV, "AWS_ENDPOINT_URL": wire.address, "AUTOSCALER_UPDATE_INTERVAL_S": "1",
           "AUTOSCALER_METRIC_PORT": str(free_port())}  # fmt: skip
    with ray_nodes(**env) as nodes:
        config = cluster_yaml("scaling", pools)
        config |= {"max_workers": 3}
        config["provider"]["max_workers"] = 3
        write(nodes, config)
        nodes.head(f"--autoscaling-config={nodes.folder / 'cluster.yaml'}")
        yield nodes


def write(nodes: RayNodes, config: dict[str, Any]) -> None:
    """Replace cluster.yaml, which the autoscaler reads again and again."""
    new = nodes.folder / "new.yaml"
    new.write_text(yaml.safe_dump(config))
    new.replace(nodes.folder / "cluster.yaml")


@pytest.fixture
def hosts(nodes: RayNodes, wire: Wire) -> Iterator[Hosts]:
    hosts = Hosts(nodes, client("ec2", wire.target))
    hosts.start()
    yield hosts
    hosts.stop()
    wire.left.clear()


class Demand:
    """Tasks that each hold a GPU until they are let go."""

    def __init__(self, nodes: RayNodes, gate: Path, count: int):
        self.gate = gate
        self.driver = nodes.script(HOLD, str(gate), str(count))

    def let_go(self) -> None:
        self.gate.touch()
        output, _ = self.driver.communicate(timeout=600)
        assert self.driver.returncode == 0, output


def pools(hosts: Hosts) -> Counter[str]:
    return Counter(tags["gensweep:pool"] for tags in alive(hosts.ec2).values())


def test_none_to_the_cap_and_back(nodes: RayNodes, hosts: Hosts, tmp_path: Path) -> None:
    """The provider is another on the way back, and has lost track of nothing."""
    assert not alive(hosts.ec2)
    demand = Demand(nodes, tmp_path / "gate", 5)  # more than three instances hold
    until(lambda: pools(hosts) == {"spot": 2, "other": 1}, 120, lambda: nodes.logs("monitor"))
    before = set(alive(hosts.ec2))
    nodes.restart_monitor()
    demand.let_go()
    until(lambda: not alive(hosts.ec2), 60, lambda: nodes.logs("monitor"))
    assert set(hosts.seen) == before
    assert hosts.most == {"spot": 2, "other": 1, "all": 3}


def test_without_capacity_the_next_pool_comes(nodes: RayNodes, hosts: Hosts, wire: Wire,
                                              templates: dict[str, str],
                                              tmp_path: Path) -> None:  # fmt: skip
    wire.left[templates["spot"], "spot"] = 0
    wire.asked.clear()
    demand = Demand(nodes, tmp_path / "gate", 1)
    until(lambda: pools(hosts) == {"other": 1}, 30, lambda: nodes.logs("monitor"))
    assert wire.asked == [(templates["spot"], "spot", 1), (templates["other"], "on-demand", 1)]
    demand.let_go()
    until(lambda: not alive(hosts.ec2), 60)
    assert "add instance types or subnets to the pool" in nodes.logs("monitor")


def test_what_never_joins_is_ended(nodes: RayNodes, hosts: Hosts, wire: Wire,
                                   templates: dict[str, str], tmp_path: Path) -> None:  # fmt: skip
    config = yaml.safe_load((nodes.folder / "cluster.yaml").read_text())
    write(nodes, config | {"provider": config["provider"] | {"join_timeout_s": JOIN_S}})
    hosts.mute.add("other")
    wire.left[templates["spot"], "spot"] = 0
    demand = Demand(nodes, tmp_path / "gate", 1)
    until(lambda: pools(hosts) == {"other": 1}, 30)
    (silent,) = alive(hosts.ec2)
    until(lambda: silent not in alive(hosts.ec2), JOIN_S + 20, lambda: nodes.logs("monitor"))
    assert "ALLOCATION_TIMEOUT->TERMINATING" in nodes.logs("monitor")
    write(nodes, config)
    hosts.mute.clear()
    wire.left.clear()
    demand.let_go()
    until(lambda: not alive(hosts.ec2), 60)
