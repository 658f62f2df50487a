"""Finds which columns of a player's matrix of weights its optimiser treats alike.

L lanes, P parameters' numbers, G groups.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from gensweep.game import Player


@dataclass(frozen=True, slots=True)
class Group:
    """Columns from `start` to `end` of [L, P], on all of which weight decay acts, or on none."""

    start: int
    end: int
    decays: bool

    @property
    def columns(self) -> slice:
        """The group's columns, as an index."""
        return slice(self.start, self.end)


class ParameterGroups:
    """The groups of one player: neighbours that are alike are one, unless parameters count steps.

    `spans` are its parameters in their order: name, first column, and the column after the last.
    """

    def __init__(self, player: Player, spans: Iterable[tuple[str, int, int]], device: torch.device):
        self.each: list[Group] = []
        self.count_steps = player.steps_per_parameter
        for name, start, end in spans:
            decays = player.decays is None or bool(player.decays(name))
            last = self.each[-1] if self.each else None
            if last and last.decays == decays and not self.count_steps:
                self.each[-1] = Group(last.start, end, decays)
            else:
                self.each.append(Group(start, end, decays))
        self.decaying = self._decaying(device)
        """[1, P], one where weight decay acts and zero elsewhere; None if it acts on all."""
        self.numbers = self._numbers(device)
        """int64 [P], the number of each column's group; None if parameters count no steps."""

    def _decaying(self, device: torch.device) -> Tensor | None:
        if all(group.decays for group in self.each):
            return None
        flags = torch.tensor([float(group.decays) for group in self.each], device=device)
        return flags.repeat_interleave(self._sizes(device))[None]

    def _numbers(self, device: torch.device) -> Tensor | None:
        if not self.count_steps:
            return None
        return torch.arange(len(self.each), device=device).repeat_interleave(self._sizes(device))

    def _sizes(self, device: torch.device) -> Tensor:
        return torch.tensor([group.end - group.start for group in self.each], device=device)
