"""What a tick of every lane consumes: the indices of its examples, and its noise.

L lanes, T ticks, B batch, N numbers a tick.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import Noise
from gensweep.lanes._lane import Lane
from gensweep.lanes._noise import NoiseLayout, fill

NOISE_BYTES = 64 << 20
Rooms = dict[str, dict[str, Tensor]]
"""Player to kind to `[L, T, N]`."""


class Source(Protocol):
    """Where batches come from: `gather(indices [L, B])` gives tensors with those dims first."""

    def gather(self, indices: Tensor) -> dict[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Ranks:
    """Data parallelism: this rank's share of every batch, and the mean over all ranks."""

    rank: int = 0
    count: int = 1
    mean_: Callable[[Tensor], None] = lambda tensor: None


class LaneInputs:
    """Draws for many ticks at once what depends on each lane's seed and progress alone."""

    def __init__(
        self, noise: Mapping[str, Mapping[str, Noise]], batch_size: int, width: int, ranks: Ranks
    ):
        if batch_size % ranks.count:
            raise UserError(f"{batch_size=} must divide over {ranks.count} ranks.")
        self.layouts = {player: NoiseLayout(one) for player, one in noise.items()}
        self.batch_size, self.width = batch_size, width
        share = batch_size // ranks.count
        self._rows = slice(ranks.rank * share, (ranks.rank + 1) * share)

    def ticks_at_once(self) -> int:
        numbers = sum(n for layout in self.layouts.values() for n in layout.numbers.values())
        return max(1, min(64, NOISE_BYTES // max(1, 4 * numbers * self.width)))

    def noise(
        self, lanes: Sequence[Lane | None], ticks: Mapping[int, int], device: torch.device
    ) -> Rooms:
        """The noise of each lane's next `ticks` evaluations, slot to their number."""
        most = max(ticks.values())
        rooms = {name: layout.buffers(self.width, most) for name, layout in self.layouts.items()}

        def of_lane(slot: int, lane: Lane) -> None:
            for name, kind, room in _flat(rooms):
                fill(room[slot, : ticks[slot]], kind, lane.streams[name, kind])

        held = [(slot, lane) for slot, lane in enumerate(lanes) if lane and slot in ticks]
        if device.type == "cuda":  # which would wait for one core
            with ThreadPoolExecutor() as pool:
                list(pool.map(of_lane, *zip(*held, strict=True)))
        else:
            for slot, lane in held:
                of_lane(slot, lane)
        return {n: {k: moved(r, device) for k, r in kinds.items()} for n, kinds in rooms.items()}

    def indices(
        self, lanes: Sequence[Lane | None], ticks: Mapping[int, int], device: torch.device
    ) -> Tensor:
        """Which examples each lane sees: int64 `[L, T, B]`, of this rank's share."""
        indices = torch.zeros(self.width, max(ticks.values()), self.batch_size, dtype=torch.long)
        for slot, lane in enumerate(lanes):
            if lane and (count := ticks.get(slot)):
                flat = lane.order.indices(lane.images_seen, count * self.batch_size)
                indices[slot, :count] = flat.view(count, -1)
        return moved(indices[:, :, self._rows].contiguous(), device)

    def share(self, player: str, noise: Rooms, place: tuple[Any, Any]) -> dict[str, Tensor]:
        """The noise of `player` at a place `[L, T]`, name to `[L, *shape]`, of this rank's rows."""
        named = self.layouts[player].named({k: room[place] for k, room in noise[player].items()})
        return {n: self._cut(one) for n, one in named.items()}

    def _cut(self, noise: Tensor) -> Tensor:
        return noise[:, self._rows] if noise.shape[1:2] == (self.batch_size,) else noise


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on the device, for which the host does not wait."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def _flat(rooms: Rooms) -> list[tuple[str, str, Tensor]]:
    return [(name, kind, room) for name, kinds in rooms.items() for kind, room in kinds.items()]
