"""Lists a cluster's hosts, and those that it may still start."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gensweep.cluster._prices import Prices
from gensweep.errors import UserError

CONFIG = "/etc/gensweep/cluster.yaml"
"""On the head, where sweeps are started; GENSWEEP_CLUSTER_CONFIG names another."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of a cluster, by the properties on which its price depends."""

    kind: str
    """The instance type; empty where Ray was not told."""
    market: str
    gpus: int
    cpus: int


def running_hosts() -> list[Host]:
    """List the hosts of the Ray cluster that this process has joined, its head among them.

    Empty if it has joined none.
    """
    import ray
    from ray._private.worker import global_worker
    from ray.autoscaler.v2.sdk import get_cluster_resource_state
    from ray.core.generated.autoscaler_pb2 import NodeStatus

    if not ray.is_initialized():
        return []
    state = get_cluster_resource_state(global_worker.gcs_client)
    return [
        Host(one.instance_type_name, one.labels.get("ray.io/market-type", "on-demand"),
             int(one.total_resources.get("GPU", 0)), int(one.total_resources.get("CPU", 0)))
        for one in state.node_states if one.status != NodeStatus.DEAD
    ]  # fmt: skip


def launchable_hosts(kind: str = "GPU") -> list[Host]:
    """List the workers that the autoscaler may start, those with most of `kind` first.

    `kind` is "GPU" or "CPU".
    None where there is no autoscaler; `UserError` if its configuration cannot be read.
    """
    path = Path(os.environ.get("GENSWEEP_CLUSTER_CONFIG", CONFIG))
    if not path.is_file():
        return []
    try:
        config = yaml.safe_load(path.read_text())
        pools = {name: pool for name, pool in config["available_node_types"].items()
                 if name != config["head_node_type"]}  # fmt: skip
        found = [one for pool in pools.values() for one in [_host(pool)] * int(pool["max_workers"])]
        most = "gpus" if kind == "GPU" else "cpus"
        return sorted(found, key=lambda host: -getattr(host, most))[: int(config["max_workers"])]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, IndexError) as error:
        line = " ".join(str(error).split())
        raise UserError(f"{path} is no cluster's configuration ({line}): mend it, or set "
                        "GENSWEEP_CLUSTER_CONFIG.") from None  # fmt: skip


def _host(pool: Mapping[str, Any]) -> Host:
    """A host of a pool; on Kubernetes its type is not known."""
    config, offers = pool.get("node_config", {}), pool["resources"]
    return Host(config.get("instance_types", [""])[0], config.get("market", "spot"),
                int(offers.get("GPU", 0)), int(offers.get("CPU", 0)))  # fmt: skip


def hosts_of_type(given: str, gpus: int, prices: Prices) -> list[Host]:
    """Choose as many hosts of `--instance-type TYPE` or `TYPE:MARKET` as have `gpus` GPUs.

    One host if `gpus` is 0. `UserError` for an unknown type or market, or a type without GPUs.
    """
    kind, _, market = given.partition(":")
    if market not in ("", "spot", "on-demand"):
        raise UserError(f"--instance-type {given}: choose {kind}:spot or {kind}:on-demand.")
    each = prices.price(kind).gpus
    if gpus and not each:
        raise UserError(f"--instance-type {kind} has no GPU, but --gpus is {gpus}: choose another.")
    count = math.ceil(gpus / each) if gpus else 1
    return [Host(kind, market or "on-demand", each, 0)] * count


def choose_hosts(hosts: Iterable[Host], gpus: int) -> list[Host]:
    """Choose the fewest of `hosts` that together have `gpus` GPUs; all of them if that is 0."""
    if not gpus:
        return list(hosts)
    chosen: list[Host] = []
    for host in sorted(hosts, key=lambda host: -host.gpus):
        if sum(h.gpus for h in chosen) < gpus and host.gpus:
            chosen.append(host)
    return chosen


def hourly_cost(hosts: Iterable[Host], prices: Prices) -> float:
    """Sum up what the hosts cost an hour."""
    return sum(prices.hourly(host.kind, host.market) for host in hosts)


def describe_hosts(hosts: Sequence[Host]) -> str:
    """Describe hosts by their types and markets, counted.

    >>> describe_hosts([Host("g6.xlarge", "spot", 1, 4)] * 2)
    '2 x g6.xlarge (spot)'
    """
    counts = Counter((host.kind or "untyped", host.market) for host in hosts)
    return ", ".join(f"{n} x {kind} ({market})" for (kind, market), n in counts.items())
