"""Draws the inputs of every lane's ticks: the indices of its examples, and its noise.

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
from gensweep.lanes._generators import KEY, NoiseLayout, fill, fill_keys
from gensweep.lanes._lane import Lane

NOISE_BYTES = 64 << 20
"""Bytes of noise that are drawn at once."""
NoiseBuffers = dict[str, dict[str, Tensor]]
"""Noise `[L, T, N]` by player and kind."""


class Source(Protocol):
    """A data set to train on: `gather(indices [L, B])` gives named tensors [L, B, ...]."""

    def gather(self, indices: Tensor) -> dict[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Ranks:
    """Data parallelism of a pack: `count` processes, each with its part of every batch.

    `mean_` replaces a tensor by its mean over all ranks, in place.
    """

    rank: int = 0
    count: int = 1
    mean_: Callable[[Tensor], None] = lambda tensor: None


class LaneInputs:
    """Draws for many ticks at once what depends on each lane's seed and progress alone.

    `UserError` if the batch does not divide over the ranks, or the noise of each example has
    another leading size.
    """

    def __init__(
        self, noise: Mapping[str, Mapping[str, Noise]], batch_size: int, width: int, ranks: Ranks
    ):
        if batch_size % ranks.count:
            raise UserError(f"{batch_size=} must divide over {ranks.count} ranks.")
        self.layouts = {
            player: NoiseLayout(one, f"player {player!r}", batch_size)
            for player, one in noise.items()
        }
        self.batch_size, self.width = batch_size, width
        share = batch_size // ranks.count
        self._rows = slice(ranks.rank * share, (ranks.rank + 1) * share)

    def ticks_at_once(self) -> int:
        """Return for how many ticks the noise of all lanes fits into `NOISE_BYTES`; at most 64."""
        tick_bytes = sum(layout.tick_bytes for layout in self.layouts.values())
        return max(1, min(64, NOISE_BYTES // max(1, tick_bytes * self.width)))

    def noise(
        self, lanes: Sequence[Lane | None], ticks: Mapping[int, int], device: torch.device
    ) -> NoiseBuffers:
        """Draw the noise of each lane's next evaluations; `ticks` is slot to their number.

        All ranks draw the same, for the whole batch, so that streams do not depend on their number.
        """
        most = max(ticks.values())
        rooms = {name: layout.buffers(self.width, most) for name, layout in self.layouts.items()}

        def fill_lane(slot: int, lane: Lane) -> None:
            for name, kind, room in _each_buffer(rooms):
                rows = room[slot, : ticks[slot]]
                if kind == KEY:
                    fill_keys(rows, lane.seed, name, lane.ticks)
                else:
                    fill(rows, kind, lane.streams[name, kind])
                    self.layouts[name].blank_padding(rows, kind, lane.hyper)

        held = [(slot, lane) for slot, lane in enumerate(lanes) if lane and slot in ticks]
        # A GPU would wait for one core to draw all lanes. Each lane has its own generator, so that
        # the order of threads changes nothing; on a CPU they would take cores from other packs.
        if device.type == "cuda":
            with ThreadPoolExecutor() as pool:
                list(pool.map(fill_lane, *zip(*held, strict=True)))
        else:
            for slot, lane in held:
                fill_lane(slot, lane)
        return {
            n: {k: to_device(r, device) for k, r in kinds.items()} for n, kinds in rooms.items()
        }

    def indices(
        self, lanes: Sequence[Lane | None], ticks: Mapping[int, int], device: torch.device
    ) -> Tensor:
        """Return the indices of each lane's examples: int64 `[L, T, B]`, B of this rank."""
        indices = torch.zeros(self.width, max(ticks.values()), self.batch_size, dtype=torch.long)
        for slot, lane in enumerate(lanes):
            if lane and (count := ticks.get(slot)):
                flat = lane.order.indices(lane.images_seen, count * self.batch_size)
                indices[slot, :count] = flat.view(count, -1)
        return to_device(indices[:, :, self._rows].contiguous(), device)

    def player_noise(
        self, player: str, noise: NoiseBuffers, place: tuple[Any, Any]
    ) -> dict[str, Tensor]:
        """Return the noise of `player` at a place in `[L, T]`: name to `[L, *shape]`.

        What is drawn for each example is cut to the rows of this rank.
        """
        layout = self.layouts[player]
        named = layout.named({k: room[place] for k, room in noise[player].items()})
        return {n: one[:, self._rows] if n in layout.cut else one for n, one in named.items()}


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy `tensor` to the device; the host does not wait, as pinned memory allows."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def _each_buffer(rooms: NoiseBuffers) -> list[tuple[str, str, Tensor]]:
    return [(name, kind, room) for name, kinds in rooms.items() for kind, room in kinds.items()]
