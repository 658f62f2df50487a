"""Starts and ends EC2 instances for Ray's autoscaler: one call of EC2 Fleet for each launch."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    TAG_RAY_LAUNCH_REQUEST,
    TAG_RAY_NODE_KIND,
    TAG_RAY_USER_NODE_TYPE,
)

from gensweep.cluster._fleet import (
    CLUSTER_TAG,
    GONE_STATES,
    Instance,
    LaunchResult,
    connect_ec2,
    launch_fleet,
    list_instances,
    terminate_instances,
)
from gensweep.cluster._pool import Pool
from gensweep.cluster._scaling import Shortages, patch_autoscaler
from gensweep.errors import UserError

_log = logging.getLogger(__name__)

SETTLE_S = 60.0
"""Seconds for which EC2 may not yet show an instance that it has launched."""
SPOT_RETRY_S = 900.0
"""Seconds after a shortage of spot until spot is tried again."""
JOIN_S = 900
"""Seconds until an instance that has not joined Ray is ended, unless cluster.yaml says others."""
POOL_TAG = "gensweep:pool"


@dataclass(slots=True)
class SpotFailures:
    """The number of spot launches of a pool that failed in a row, and the time of the last one."""

    count: int = 0
    last: float = 0.0

    def failed(self) -> None:
        self.count, self.last = self.count + 1, time.monotonic()

    def is_over(self) -> bool:
        """Return whether the last failure is so long ago that spot is worth another try."""
        return time.monotonic() - self.last > SPOT_RETRY_S


class FleetNodeProvider(NodeProvider):  # type: ignore[misc]
    """Starts and ends the workers of a cluster as Ray's autoscaler asks.

    It keeps no list of its own: instances carry the cluster's and their pool's name as tags, by
    which a new head's provider finds them. Thread safe, as Ray demands. The head is no worker: it
    is known by RAY_CLOUD_INSTANCE_ID of this process, and never ended.
    """

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        self._max_workers = _read_whole_number(provider_config, "max_workers", least=0)
        self._on_demand_after = _read_whole_number(provider_config, "on_demand_after", 3)
        self._ec2 = connect_ec2(provider_config.get("region"))
        self._launching, self._lock = threading.Lock(), threading.Lock()
        self._instances: dict[str, Instance] = {}
        self._just_launched: dict[str, tuple[float, Instance]] = {}
        self._spot_failures: dict[str, SpotFailures] = {}
        self._serial = 0
        self._shortages = Shortages()
        _read_whole_number(provider_config, "join_timeout_s", JOIN_S)
        patch_autoscaler(self._shortages, JOIN_S)

    # What there is

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """Return the ids of the head and of all workers with these tags, as EC2 shows them now."""
        found = {one.id: one for one in list_instances(self._ec2, self.cluster_name)}
        found = {i: one for i, one in found.items() if not _is_head(one)}
        with self._lock:
            # EC2's listing lags behind its launches. Without these the autoscaler would think
            # them gone, and launch the same workers once more.
            now = time.monotonic()
            self._just_launched = {i: (at, one) for i, (at, one) in self._just_launched.items()
                           if i not in found and now - at < SETTLE_S}  # fmt: skip
            found |= {i: one for i, (_, one) in self._just_launched.items()}
            self._instances = found | {one.id: one for one in _head_instance()}
            return [i for i, one in self._instances.items() if _has_tags(one, tag_filters)]

    def _find(self, node_id: str) -> Instance | None:
        with self._lock:
            if node_id in self._instances:
                return self._instances[node_id]
        self.non_terminated_nodes({})
        with self._lock:
            return self._instances.get(node_id)

    def is_running(self, node_id: str) -> bool:
        one = self._find(node_id)
        return one is not None and one.state == "running"

    def is_terminated(self, node_id: str) -> bool:
        one = self._find(node_id)
        return one is None or one.state in GONE_STATES

    def node_tags(self, node_id: str) -> dict[str, str]:
        one = self._find(node_id)
        return dict(one.tags) if one else {}

    def internal_ip(self, node_id: str) -> str:
        one = self._find(node_id)
        return one.address if one else ""

    def external_ip(self, node_id: str) -> str:
        """Return the internal address, for no host of a cluster has another."""
        return self.internal_ip(node_id)

    # More

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str],
                    count: int) -> dict[str, Any]:  # fmt: skip
        """Launch up to `count` workers; `NodeLaunchException` says why some are missing.

        Those that came stay, error or not: the autoscaler finds them in the next listing.
        """
        name = tags[TAG_RAY_USER_NODE_TYPE]
        try:
            pool = Pool.from_config(name, node_config)
        except UserError as error:
            self._shortages.add(name)
            raise NodeLaunchException("config", str(error), None) from error
        # Ray launches pools in threads side by side; counting and launching must be one step, or
        # two pools would both take the last place below `max_workers`.
        with self._launching:
            allowed = min(count, self._allowed_launches(pool))
            ids, causes = self._launch(pool, allowed, self._tags(pool, tags))
        if allowed and len(ids) == allowed:
            self._shortages.drop(name)
        elif allowed:
            self._shortages.add(name)
        if allowed < count:
            causes.append(f"max_workers: the pool may have {pool.max_workers}, all pools together "
                          f"{self._max_workers}: raise them in cluster.yaml")  # fmt: skip
        if len(ids) < count:
            line = f"pool {name}: {len(ids)} of {count} instances: {'; '.join(causes)}"
            _log.warning("%s", line)
            raise NodeLaunchException("capacity", line, None)
        return {i: {} for i in ids}

    def _allowed_launches(self, pool: Pool) -> int:
        """Count the workers that the pool's cap and that of all pools still allow."""
        self.non_terminated_nodes({})
        with self._lock:
            workers = [one for one in self._instances.values() if not _is_head(one)]
        here = sum(one.tags.get(TAG_RAY_USER_NODE_TYPE) == pool.name for one in workers)
        return max(0, min(pool.max_workers - here, self._max_workers - len(workers)))

    def _tags(self, pool: Pool, tags: Mapping[str, str]) -> dict[str, str]:
        return {
            **tags,
            "Name": f"{self.cluster_name}-{pool.name}",
            CLUSTER_TAG: self.cluster_name,
            "gensweep:cluster": self.cluster_name,
            POOL_TAG: pool.name,
            "gensweep:role": "worker",
        }

    def _launch(self, pool: Pool, count: int, tags: dict[str, str]) -> tuple[list[str], list[str]]:
        """Launch spot first, and on-demand for what is missing where spot keeps failing.

        Returns the ids of the instances, and a reason for each market that gave fewer.
        """
        ids: list[str] = []
        causes: list[str] = []
        streak = self._spot_failures.setdefault(pool.name, SpotFailures())
        if streak.is_over():
            streak.count = 0
        if pool.market == "spot" and count and not self._falls_back(pool, streak):
            result = self._request_instances(pool, "spot", count, tags)
            ids += result.ids
            if len(ids) == count:
                streak.count = 0
            else:
                streak.failed()
                causes.append(f"spot {result.failure()}")
        if len(ids) < count and (pool.market == "on-demand" or self._falls_back(pool, streak)):
            result = self._request_instances(pool, "on-demand", count - len(ids), tags)
            ids += result.ids
            if len(ids) < count:
                causes.append(f"on-demand {result.failure()}")
        return ids, causes

    def _falls_back(self, pool: Pool, streak: SpotFailures) -> bool:
        return pool.fallback and streak.count >= self._on_demand_after

    def _request_instances(
        self, pool: Pool, market: str, count: int, tags: dict[str, str]
    ) -> LaunchResult:
        self._serial += 1
        # A token of EC2's makes a repeated call the same launch. Ray asks again with the same
        # request after a failure, which must be a new one: hence the serial number.
        request = tags.get(TAG_RAY_LAUNCH_REQUEST) or f"{os.getpid()}-{time.time_ns()}"
        token = f"{request}-{self._serial}"[:64]
        result = launch_fleet(self._ec2, pool.fleet_request(market, count, tags, token))
        _log.info("pool %s: %d of %d %s instances", pool.name, len(result.ids), count, market)
        now = time.monotonic()
        with self._lock:
            for i in result.ids:
                self._just_launched[i] = now, Instance(i, "pending", tags)
        return result

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._ec2.create_tags(Resources=[node_id], Tags=listed)

    # Fewer

    def terminate_node(self, node_id: str) -> None:
        self.terminate_nodes([node_id])

    def terminate_nodes(self, node_ids: list[str]) -> None:
        """End the workers; those that are gone already are no error. The head is left alone."""
        heads = {one.id for one in _head_instance()}
        ids = [i for i in node_ids if i not in heads]
        terminate_instances(self._ec2, ids)
        with self._lock:
            for i in ids:
                self._just_launched.pop(i, None)
        _log.info("ended %d instances: %s", len(ids), ", ".join(ids))

    @property
    def max_terminate_nodes(self) -> int:
        return 1000


def _head_instance() -> list[Instance]:
    """Describe the instance that this process runs on; empty outside a cluster's head."""
    here = os.environ.get("RAY_CLOUD_INSTANCE_ID")
    kind = os.environ.get("RAY_NODE_TYPE_NAME", "head")
    tags = {TAG_RAY_NODE_KIND: NODE_KIND_HEAD, TAG_RAY_USER_NODE_TYPE: kind}
    return [Instance(here, "running", tags)] if here else []


def _is_head(one: Instance) -> bool:
    return bool(one.tags.get(TAG_RAY_NODE_KIND) == NODE_KIND_HEAD)


def _has_tags(one: Instance, tags: Mapping[str, str]) -> bool:
    return all(one.tags.get(key) == value for key, value in tags.items())


def _read_whole_number(
    config: Mapping[str, Any], key: str, default: int | None = None, least: int = 1
) -> int:
    """Read the whole number at `key` of the provider's section; `UserError` if it is none."""
    value = config.get(key, default)
    if value is None:
        raise UserError(f"provider.{key} is missing: add it to cluster.yaml.")
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(f"provider.{key} must be a whole number from {least}, but is {value!r}: "
                        "change it in cluster.yaml.")  # fmt: skip
    return value
