"""Data parallelism: all ranks take the same decisions, those of rank 0."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch.distributed as dist
from torch import Tensor

from gensweep.lanes import Ranks
from gensweep.trial import (
    LanePointer,
    Lease,
    LeaseId,
    StaleLease,
    StateCopy,
    TrialEnd,
    TrialReport,
    Verdict,
)
from gensweep.worker._protocol import CoordinatorProtocol, Order, Stratum

T = TypeVar("T")


def current_ranks() -> Ranks:
    """Return this process's share of each batch in the running process group, if there is one."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return Ranks()
    return Ranks(dist.get_rank(), dist.get_world_size(), _mean)


def _mean(tensor: Tensor) -> None:
    dist.all_reduce(tensor)
    tensor.div_(dist.get_world_size())


def broadcast_from_rank_0(value: T) -> T:
    """Return rank 0's value, on every rank."""
    if current_ranks().count == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


class BroadcastClient:
    """A coordinator that rank 0 asks, and whose answer, or `StaleLease`, every rank hears.

    See `CoordinatorProtocol`. Every rank must make the same calls in the same order.
    """

    def __init__(self, client: CoordinatorProtocol):
        self._client = client

    def _broadcast(self, ask: Callable[[], T]) -> T:
        box: list[T | StaleLease | None] = [self._answer(ask) if dist.get_rank() == 0 else None]
        dist.broadcast_object_list(box, src=0)
        answer = box[0]
        if isinstance(answer, StaleLease):
            raise answer
        return answer  # type: ignore[return-value]  # rank 0 has filled the box

    @staticmethod
    def _answer(ask: Callable[[], T]) -> T | StaleLease:
        try:
            return ask()
        except StaleLease as stale:
            return StaleLease(str(stale))  # as Ray raises it, it does not pickle

    def lease(self, count: int, stratum: Stratum | None) -> Sequence[Lease]:
        return self._broadcast(lambda: self._client.lease(count, stratum))

    def prefetch_leases(self, count: int, stratum: Stratum | None) -> None:
        self._broadcast(lambda: self._client.prefetch_leases(count, stratum))

    def report(self, report: TrialReport) -> None:
        self._broadcast(lambda: self._client.report(report))

    def verdicts(self, *, wait: bool) -> Mapping[LeaseId, Verdict]:
        return self._broadcast(lambda: self._client.verdicts(wait=wait))

    def choose_donor(self, number: int, images: int, here: Sequence[int]) -> int | None:
        return self._broadcast(lambda: self._client.choose_donor(number, images, here))

    def record_copy(self, number: int, copy: StateCopy) -> None:
        self._broadcast(lambda: self._client.record_copy(number, copy))

    def checkpoints(self, lanes: Mapping[LeaseId, bytes]) -> Sequence[LeaseId]:
        return self._broadcast(lambda: self._client.checkpoints(lanes))

    def restore(self, pointer: LanePointer, number: int) -> bytes | None:
        return self._broadcast(lambda: self._client.restore(pointer, number))

    def finish(self, end: TrialEnd, weights: bytes, png: bytes, rungs: Mapping[int, bytes]) -> None:
        self._broadcast(lambda: self._client.finish(end, weights, png, rungs))

    def note_alive(self) -> None:
        self._broadcast(self._client.note_alive)

    def heartbeat(self, seen: Mapping[int, int]) -> Order:
        return self._broadcast(lambda: self._client.heartbeat(seen))

    def settle(self) -> None:
        self._broadcast(self._client.settle)

    def release_all(self) -> None:
        self._broadcast(self._client.release_all)

    def add_usage(self, lane_seconds: Mapping[str, float]) -> None:
        self._broadcast(lambda: self._client.add_usage(lane_seconds))


if TYPE_CHECKING:

    def _is_a_coordinator(client: CoordinatorProtocol) -> CoordinatorProtocol:
        return BroadcastClient(client)
