"""Losses and metrics of a segment, kept on the device until it ends.

T turns, L lanes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.lanes._means import Means

EXPLODED = 1e8
"""A loss or a weight beyond this counts as diverged."""


@dataclass(slots=True)
class Progress:
    """Where a lane is: mean losses and metrics since its last evaluation, and why it diverged.

    A lane whose loss went bad has the ticks at which it did.
    """

    ticks: int
    images_seen: int
    metrics: dict[str, float] = field(default_factory=dict)
    cause: str | None = None


class Record:
    """Gathers what each turn gave; `close` brings it to the host in one piece."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._acted: dict[str, list[Mapping[int, int]]] = {}
        self._owners: dict[str, str] = {}
        self._host: dict[str, tuple[Tensor, Tensor]] = {}

    def add(
        self, player: str, steps: Mapping[int, int], loss: Tensor, metrics: Mapping[str, Tensor]
    ) -> None:
        """One turn of `player`; values are [L].

        `steps` has the slots that acted, each with the step of its trial that this was, from 1.
        `UserError` if a metric has the name of a player's loss, or of another player's metric.
        """
        watched = f"{player}_loss"
        for name, value in [(watched, loss), *metrics.items()]:
            owner = self._owners.setdefault(name, player)
            if owner != player or (name == watched and value is not loss):
                raise UserError(
                    f"{player!r} reports a metric {name!r}, a name that {owner!r} has already: "
                    "rename it in the model's loss."
                )
            self._values.setdefault(name, []).append(value)
            self._acted.setdefault(name, []).append(steps)

    def close(self, mean_: Callable[[Tensor], None]) -> None:
        """Bring all to the host. `mean_` takes means over ranks, which must judge lanes alike."""
        for name, history in self._values.items():
            stacked = torch.stack(history).float()
            mean_(stacked)
            values = stacked.cpu()
            acted = torch.zeros(values.shape, dtype=torch.bool)
            for turn, steps in enumerate(self._acted[name]):
                acted[turn, list(steps)] = True
            self._host[name] = (values, acted)

    def of(self, slot: int, means: Means) -> tuple[int, str] | None:
        """Add to the lane's means; the first loss that was not finite or exploded, and its step."""
        bad: list[tuple[int, str]] = []
        for name, (values, acted) in self._host.items():
            series = values[acted[:, slot], slot]
            if len(series):
                means.add(name, series)
                if name.endswith("_loss"):
                    steps = [steps[slot] for steps in self._acted[name] if slot in steps]
                    bad += _first_bad(name, series, steps)
        return min(bad, default=None)


def _first_bad(name: str, series: Tensor, steps: list[int]) -> list[tuple[int, str]]:
    """The step and the words of it; empty if all is well."""
    bad = ~(series.abs() < EXPLODED)
    if not bool(bad.any()):
        return []
    turn = int(bad.float().argmax())
    return [(steps[turn], f"{name} was {float(series[turn]):g} at step {steps[turn]}")]
