"""Records losses and metrics of a segment on the device, and reads them when it ends.

T turns, L lanes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from gensweep.errors import UserError
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


class Record:
    """Gathers losses and metrics of turns as device tensors; `close` copies all to the host.

    Reading a number after each turn would make the host wait for the device each time.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._acted: dict[str, list[Mapping[int, int]]] = {}
        self._owners: dict[str, str] = {}
        self._host: dict[str, tuple[Tensor, Tensor]] = {}

    def add(
        self, player: str, steps: Mapping[int, int], loss: Tensor, metrics: Mapping[str, Tensor],
        penalty: Mapping[str, Tensor] = MappingProxyType({}), *, paid: Collection[int] = (),
    ) -> None:  # fmt: skip
        """Record one turn of `player`; values are [L].

        `steps` has the slots that acted, each with the step of its trial that this was, from 1.
        The values of the `penalty` are of the slots that `paid` it alone. `UserError` if a metric
        has the name of a player's loss, or of another player's metric.
        """
        names = claim_names(self._owners, player, [*metrics, *penalty])
        due = {slot: steps[slot] for slot in paid}
        values = [(one, steps) for one in (loss, *metrics.values())]
        values += [(one, due) for one in penalty.values()]
        for name, (value, acted) in zip(names, values, strict=True):
            self._values.setdefault(name, []).append(value)
            self._acted.setdefault(name, []).append(acted)

    def close(self, mean_: Callable[[Tensor], None]) -> None:
        """Copy all to the host; `mean_` takes means over ranks, so that all judge lanes alike."""
        for name, history in self._values.items():
            stacked = torch.stack(history).float()
            mean_(stacked)
            values = stacked.cpu()
            acted = torch.zeros(values.shape, dtype=torch.bool)
            for turn, steps in enumerate(self._acted[name]):
                acted[turn, list(steps)] = True
            self._host[name] = (values, acted)

    def find_failure(self, slot: int, means: Means) -> tuple[int, str] | None:
        """Add the lane's values to `means`, and find its first loss that exploded or was a NaN.

        Returns its step and words for it; None if all losses were good.
        """
        bad: list[tuple[int, str]] = []
        for name, (values, acted) in self._host.items():
            series = values[acted[:, slot], slot]
            if len(series):
                means.add(name, series)
                if name.endswith("_loss"):
                    steps = [steps[slot] for steps in self._acted[name] if slot in steps]
                    bad += _first_bad(name, series, steps)
        return min(bad, default=None)


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
