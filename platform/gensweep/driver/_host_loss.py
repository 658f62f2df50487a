"""Tells a pack that died with its host from one that died of its own, and where hosts are."""

import time

WATCH_S = 20.0
"""Longer than Ray takes to miss a node that refuses connections."""


def node_address(node: str) -> str:
    """Return the address of a Ray node; its id if Ray has forgotten it."""
    import ray

    known = {each["NodeID"]: str(each["NodeManagerAddress"]) for each in ray.nodes()}
    return known.get(node, node)


def host_lost(nodes: set[str]) -> bool:
    """Return whether one of the Ray nodes has ended, or drains: what it ran ended with it.

    Ranks feel the loss of another's host before Ray does, so several nodes are watched a while.
    """
    import ray
    from ray._private.state import state

    end = time.monotonic() + (WATCH_S if len(nodes) > 1 else 0.0)
    while True:
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        if not nodes <= alive - set(state.get_draining_nodes()):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(1)
