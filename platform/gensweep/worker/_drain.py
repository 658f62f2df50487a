"""When a pack has to leave: a node that it runs on drains, as before spot takes it."""

import torch.distributed as dist

from gensweep.worker._ranks import ranks


class DrainWatch:
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
