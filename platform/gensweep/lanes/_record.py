"""Records losses and metrics of a segment on the device, and reads them when it ends.

T turns, L lanes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.lanes._curve import LanePoint, Series
from gensweep.lanes._means import Means

EXPLODED = 1e8
"""A loss or a weight beyond this counts as diverged."""


@dataclass(slots=True)
class Progress:
    """Progress of a lane: mean losses and metrics since its last evaluation, and why it diverged.

    `cause` is None unless it did; then `ticks` and `images_seen` are those at its first bad loss.
    """

    ticks: int
    images_seen: int
    metrics: dict[str, float] = field(default_factory=dict)
    cause: str | None = None
    points: list[LanePoint] = field(default_factory=list)
    """Of the learning curve, those that the segment reached."""


class Record:
    """Gathers losses and metrics of turns as device tensors; `close` copies all to the host.

    Reading a number after each turn would make the host wait for the device each time.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._groups: dict[str, str] = {}
        self._acted: dict[str, list[Mapping[int, int]]] = {}
        """By group of names that are recorded in the same turns."""
        self._owners: dict[str, str] = {}
        self._host: dict[str, Tensor] = {}
        self._steps: dict[str, Tensor] = {}

    def add(
        self, player: str, steps: Mapping[int, int], loss: Tensor, metrics: Mapping[str, Tensor],
        penalty: Mapping[str, Tensor] = MappingProxyType({}), *, paid: Collection[int] = (),
    ) -> None:  # fmt: skip
        """Record one turn of `player`; values are [L].

        `steps` has the slots that acted, each with the step of its trial that this was, from 1.
        The values of the `penalty` are of the slots that `paid` it alone. `UserError` if a metric
        has the name of a player's loss, or of another player's metric.
        """
        names = claim_names(self._owners, player, metrics)
        self._append(player, names, [loss, *metrics.values()], steps)
        if penalty:
            self.add_some("penalty", player, {slot: steps[slot] for slot in paid}, penalty)

    def add_some(
        self, kind: str, player: str, steps: Mapping[int, int], values: Mapping[str, Tensor]
    ) -> None:
        """Record values [L] that belong to a turn of `player`, but are not measured in each.

        They are of the slots in `steps` alone. Those of one `kind` are measured in the same turns.
        """
        _, *names = claim_names(self._owners, player, values)
        self._append(f"{player} {kind}", names, list(values.values()), steps)

    def _append(
        self, group: str, names: Sequence[str], values: Sequence[Tensor], steps: Mapping[int, int]
    ) -> None:
        for name, value in zip(names, values, strict=True):
            self._values.setdefault(name, []).append(value)
            self._groups[name] = group
        self._acted.setdefault(group, []).append(steps)

    def close(self, mean_: Callable[[Tensor], None]) -> None:
        """Copy all to the host; `mean_` takes means over ranks, so that all judge lanes alike."""
        for name, history in self._values.items():
            stacked = torch.stack(history).float()
            mean_(stacked)
            self._host[name] = stacked.cpu()
            group = self._groups[name]
            if group not in self._steps:
                self._steps[group] = _table(self._acted[group], stacked.shape[1])

    def series(self, slot: int) -> Series:
        """Return what was recorded of the lane, by name: steps in their order, and values."""
        rows = {group: steps[:, slot].nonzero()[:, 0] for group, steps in self._steps.items()}
        steps = {group: self._steps[group][at, slot].tolist() for group, at in rows.items()}
        return {
            name: (steps[group], self._host[name][rows[group], slot])
            for name, group in self._groups.items()
            if steps[group]
        }


def find_failure(series: Series, means: Means) -> tuple[int, str] | None:
    """Add a lane's values to `means`, and find its first loss that exploded or was a NaN.

    Returns its step and words for it; None if all losses were good.
    """
    bad: list[tuple[int, str]] = []
    for name, (steps, values) in series.items():
        means.add(name, values)
        if name.endswith("_loss"):
            bad += _first_bad(name, values, steps)
    return min(bad, default=None)


def _table(acted: Sequence[Mapping[int, int]], width: int) -> Tensor:
    """Lay out the steps of the slots that acted in each turn, [T, L]; 0 where one did not."""
    # As whole columns: a write for each turn costs more than all else that is recorded.
    turns = [turn for turn, steps in enumerate(acted) for _ in steps]
    slots = [slot for steps in acted for slot in steps]
    values = [step for steps in acted for step in steps.values()]
    rows, columns, numbers = (torch.tensor(one, dtype=torch.long) for one in (turns, slots, values))
    table = torch.zeros(len(acted), width, dtype=torch.long)
    table[rows, columns] = numbers
    return table


def claim_names(owners: dict[str, str], player: str, metrics: Iterable[str]) -> list[str]:
    """Note in `owners` the names of the player's loss and `metrics`, and return them.

    `UserError` if a metric has the name of a player's loss, or of another player's metric.
    """
    names = [f"{player}_loss", *metrics]
    for place, name in enumerate(names):
        owner = owners.setdefault(name, player)
        if owner != player or name in names[:place]:
            raise UserError(
                f"{player!r} reports a metric {name!r}, a name that {owner!r} has already: "
                "rename it in the model's loss."
            )
    return names


def _first_bad(name: str, series: Tensor, steps: list[int]) -> list[tuple[int, str]]:
    """Find the first bad loss: its step and words for it; empty if all are good."""
    # `~(x < bound)` is also true of a NaN.
    bad = ~(series.abs() < EXPLODED)
    if not bool(bad.any()):
        return []
    turn = int(bad.float().argmax())
    return [(steps[turn], f"{name} was {float(series[turn]):g} at step {steps[turn]}")]
