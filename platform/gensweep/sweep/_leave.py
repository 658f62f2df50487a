"""When a pack has to leave: a node that it runs on drains, as before spot takes it."""

import time

import torch.distributed as dist

from gensweep.sweep._ranks import ranks

WATCH_S = 20.0
"""Longer than Ray takes to miss a node that refuses connections."""


class Leave:
    """Whether a node of the pack drains: its ranks', or that of the process that started them.

    Made by every rank; asked by rank 0. A pack that leaves saves its lanes and gives its trials
    back, which another pack, that Ray starts elsewhere, goes on with.
    """

    def __init__(self, keeper: str) -> None:
        import ray

        nodes = [ray.get_runtime_context().get_node_id()]
        if ranks().count > 1:
            nodes = [""] * ranks().count
            dist.all_gather_object(nodes, ray.get_runtime_context().get_node_id())
        self.nodes, self._told = {keeper, *nodes}, False

    def __call__(self) -> bool:
        from ray._private.state import state

        drains = bool(self.nodes & set(state.get_draining_nodes()))
        if drains and not self._told:
            print("a node drains: the pack saves its lanes and leaves", flush=True)
        self._told = drains
        return drains


def host_lost(nodes: set[str]) -> bool:
    """Whether one of the nodes has ended, or is about to: what it ran ended with it.

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
