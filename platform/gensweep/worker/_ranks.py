"""Data parallelism: all ranks take the same decisions, those of rank 0."""

from typing import Any, TypeVar

import torch.distributed as dist
from torch import Tensor

from gensweep.lanes import Ranks
from gensweep.trial import StaleLease

T = TypeVar("T")


def ranks() -> Ranks:
    """This process's share of the batch in the running process group, if there is one."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return Ranks()
    return Ranks(dist.get_rank(), dist.get_world_size(), _mean)


def _mean(tensor: Tensor) -> None:
    dist.all_reduce(tensor)
    tensor.div_(dist.get_world_size())


def agreed(value: T) -> T:
    """Rank 0's value, on every rank."""
    if ranks().count == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


class BroadcastClient:
    """A coordinator that rank 0 asks, and whose answer, or `StaleLease`, every rank hears."""

    def __init__(self, coordinator: Any):
        self._desk = coordinator

    def __getattr__(self, method: str) -> Any:
        def ask(*args: Any) -> Any:
            box = [self._answer(method, args) if dist.get_rank() == 0 else None]
            dist.broadcast_object_list(box, src=0)
            if isinstance(box[0], StaleLease):
                raise box[0]
            return box[0]

        return ask

    def _answer(self, method: str, args: tuple[Any, ...]) -> Any:
        try:
            return getattr(self._desk, method)(*args)
        except StaleLease as stale:
            return StaleLease(str(stale))  # as Ray raises it, it does not pickle
