"""Finds Ray's nodes by the EC2 instances that they run on, and drains them."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

HEAD = "head"
SOON_S = 1.0
"""The nearest deadline: Ray takes one that has passed for none."""
CONNECT_TIMEOUT_S = 3.0


class Unreachable(Exception):  # noqa: N818
    """The head does not answer: try again later."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the head knows it."""

    id: str
    instance: str
    draining: bool
    pool: str = ""
    """Ray's node type; the head's own is HEAD."""


class Nodes:
    """The nodes of a cluster. Each call asks its head anew, for a head may be replaced."""

    def __init__(self, address: str):
        self.address = address

    def alive(self) -> dict[str, Node]:
        """Map the id of each instance to its node; `Unreachable` if the head does not answer."""
        from ray.autoscaler.v2.sdk import get_cluster_resource_state
        from ray.core.generated.autoscaler_pb2 import NodeStatus

        with self._gcs() as gcs:
            found = get_cluster_resource_state(gcs).node_states
        return {
            one.instance_id: Node(one.node_id.hex(), one.instance_id,
                                  one.status == NodeStatus.DRAINING, one.ray_node_type_name)
            for one in found if one.instance_id and one.status != NodeStatus.DEAD
        }  # fmt: skip

    def drain(self, node: Node, why: str, deadline: float | None) -> str:
        """Tell Ray to give the node no more work and to end it at `deadline` (s since 1970).

        None as the deadline means: nobody knows. Returns Ray's reason if it refuses, else "".
        """
        from ray.core.generated.autoscaler_pb2 import DrainNodeReason

        # Preemption, not idleness, as the reason: Ray may refuse to drain a busy node for that.
        at = 0 if deadline is None else round(1000 * max(deadline, time.time() + SOON_S))
        preemption = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        with self._gcs() as gcs:
            accepted, said = gcs.drain_node(node.id, preemption, why, at)
        return "" if accepted else said or "Ray gives no reason"

    @contextmanager
    def _gcs(self) -> Iterator[Any]:
        from ray._raylet import GcsClient  # type: ignore[attr-defined]
        from ray.exceptions import RayError, RpcError

        host, _, port = self.address.rpartition(":")
        try:  # Ray ends a process that waits long for a head
            socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
            yield GcsClient(address=self.address)
        except (OSError, RpcError, RayError) as error:
            line = " ".join(str(error).split())[:200]
            raise Unreachable(f"no head at {self.address}: {line}") from error
