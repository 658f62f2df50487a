"""Which turns a pack computes, in which order, and for which lanes.

L lanes, T ticks, S steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._inputs import moved
from gensweep.lanes._lane import Lane
from gensweep.lanes._schedule import acting, fractions

FEWEST = 2
"""Lanes of a computation: one alone takes other kernels, whose last bits differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of `player` in the lanes `slots`, at one tick of each."""

    player: str
    tick: int
    slots: Sequence[int]
    lanes: tuple[int, ...]
    """The only lanes that are computed; none: all."""


class StepPlan:
    """The steps of the next ticks, known to the device before the first.

    `ticks` are those that each lane takes, by slot. `sparse`: only lanes that act are computed;
    otherwise those that have a trial, and as many others as make their number a power of two.
    """

    def __init__(
        self, game: Game, lanes: Sequence[Lane | None], ticks: Mapping[int, int],
        device: torch.device, *, sparse: bool,
    ):  # fmt: skip
        width, span = len(lanes), max(ticks.values())
        occupied = [slot for slot, lane in enumerate(lanes) if lane]
        power = max(FEWEST, 1 << (len(occupied) - 1).bit_length())
        self.steps: list[Step] = []
        for tick in range(span):
            players = _players(game, lanes, ticks, tick)
            for name in game.players:
                if slots := [slot for slot, some in players.items() if name in some]:
                    only = _computed(*((slots, FEWEST) if sparse else (occupied, power)), width)
                    self.steps.append(Step(name, tick, slots, only))
        self.progress = moved(fractions(lanes, span), device)
        self._places = {s.lanes: _place(s.lanes, device) for s in self.steps}
        computed = [step.lanes or tuple(range(width)) for step in self.steps]
        pairs = list(zip(self.steps, computed, strict=True))
        self._masked = [
            any(slot in some and slot not in step.slots for slot in occupied)
            for step, some in pairs
        ]
        acts = [[slot in step.slots for slot in some] for step, some in pairs]
        self._masks = moved(torch.tensor([row + [False] * (width - len(row)) for row in acts]),
                            device)  # fmt: skip

    def where(self, step: Step) -> Tensor | slice:
        """The lanes that the step computes."""
        return self._places[step.lanes]

    def mask(self, number: int) -> Tensor | None:
        """Which of the step's computed lanes act, a mask; None: all, but for empty ones."""
        if not self._masked[number]:
            return None
        lanes = self.steps[number].lanes
        return self._masks[number, : len(lanes)] if lanes else self._masks[number]


def _players(
    game: Game, lanes: Sequence[Lane | None], ticks: Mapping[int, int], tick: int
) -> dict[int, set[str]]:
    """Slot to who acts there."""
    return {
        slot: acting(game, lane, lane.ticks + tick)
        for slot, lane in enumerate(lanes)
        if lane and tick < ticks.get(slot, 0)
    }


def _computed(slots: Sequence[int], fewest: int, width: int) -> tuple[int, ...]:
    """`fewest` lanes or more, so that these are computed; none if all are.

    >>> _computed([0, 2], 2, 3), _computed([2], 2, 3), _computed([0, 1, 2], 2, 3)
    ((0, 2), (0, 2), ())
    """
    if max(len(slots), fewest) >= width:
        return ()
    others = [slot for slot in range(width) if slot not in slots]
    return tuple(sorted([*slots, *others[: max(0, fewest - len(slots))]]))


def _place(lanes: tuple[int, ...], device: torch.device) -> Tensor | slice:
    """Lanes as an index; the first ones are a view, which costs no copy."""
    if lanes == tuple(range(len(lanes))):
        return slice(len(lanes) or None)
    return moved(torch.tensor(lanes), device)
