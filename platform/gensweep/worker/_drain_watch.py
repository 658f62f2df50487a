"""Notices that a node of the pack drains, as before a spot instance is taken."""

import logging

import torch.distributed as dist

from gensweep.worker._ranks import current_ranks

_log = logging.getLogger(__name__)


class DrainWatch:
    """Tells whether a node of the pack drains: its ranks', or that of its supervisor.

    Made by every rank, called by rank 0. A pack whose node drains saves its lanes and gives its
    trials back; another pack, which Ray starts elsewhere, goes on with them.
    """

    def __init__(self, supervisor: str) -> None:
        """Gather the nodes of all ranks; `supervisor` is the node of the process that started
        them."""
        import ray

        nodes = [ray.get_runtime_context().get_node_id()]
        if current_ranks().count > 1:
            nodes = [""] * current_ranks().count
            dist.all_gather_object(nodes, ray.get_runtime_context().get_node_id())
        self.nodes: set[str] = {supervisor, *nodes}
        self._is_logged = False

    def __call__(self) -> bool:
        from ray._private.state import state

        drains = bool(self.nodes & set(state.get_draining_nodes()))
        if drains and not self._is_logged:
            _log.warning("a node drains: the pack saves its lanes and leaves")
        self._is_logged = drains
        return drains
