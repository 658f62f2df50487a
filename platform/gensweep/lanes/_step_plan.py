"""Plans which turns a pack computes, in which order, and for which lanes.

L lanes, T ticks, S steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._batches_and_noise import to_device
from gensweep.lanes._lane import Lane
from gensweep.lanes._schedule import acting_players, budget_fractions

FEWEST = 2
"""Least lanes of a computation: one alone takes other kernels, whose last bits differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of `player` in the lanes `slots`, at one tick of each."""

    player: str
    tick: int
    slots: Sequence[int]
    lanes: tuple[int, ...]
    """The lanes that are computed, in ascending order; empty: all."""


class StepPlan:
    """Plans the steps of the next ticks, and puts their masks on the device before the first.

    `ticks` are those that each lane takes, by slot. `sparse`: only lanes that act are computed;
    otherwise those that have a trial, and as many others as make their number a power of two.
    """

    def __init__(
        self, game: Game, lanes: Sequence[Lane | None], ticks: Mapping[int, int],
        device: torch.device, *, sparse: bool,
    ):  # fmt: skip
        width, span = len(lanes), max(ticks.values())
        occupied = [slot for slot, lane in enumerate(lanes) if lane]
        # Each number of lanes is a trace, or a graph, of its own: powers of two keep them few.
        power = max(FEWEST, 1 << (len(occupied) - 1).bit_length())
        self.steps: list[Step] = []
        # Lanes at different places in their rounds act together as far as their players agree.
        for tick in range(span):
            players = _players(game, lanes, ticks, tick)
            for name in game.players:
                if slots := [slot for slot, some in players.items() if name in some]:
                    only = _computed(*((slots, FEWEST) if sparse else (occupied, power)), width)
                    self.steps.append(Step(name, tick, slots, only))
        self.progress = to_device(budget_fractions(lanes, span), device)
        self._places = {s.lanes: _place(s.lanes, device) for s in self.steps}
        computed = [step.lanes or tuple(range(width)) for step in self.steps]
        pairs = list(zip(self.steps, computed, strict=True))
        # A mask costs copies of the state, so a step has one only if a trial is computed that does
        # not act. Empty lanes may change: the next trial resets them.
        self._masked = [
            any(slot in some and slot not in step.slots for slot in occupied)
            for step, some in pairs
        ]
        # Masks of all steps cross to the device as one tensor, rows padded to the pack's width.
        acts = [[slot in step.slots for slot in some] for step, some in pairs]
        self._masks = to_device(torch.tensor([row + [False] * (width - len(row)) for row in acts]),
                            device)  # fmt: skip

    def computed_lanes(self, step: Step) -> Tensor | slice:
        """Return the lanes that the step computes, as an index into [L, ...]."""
        return self._places[step.lanes]

    def acting_mask(self, number: int) -> Tensor | None:
        """Return the mask of the step's computed lanes that act; None: all, but for empty ones."""
        if not self._masked[number]:
            return None
        lanes = self.steps[number].lanes
        return self._masks[number, : len(lanes)] if lanes else self._masks[number]


def _players(
    game: Game, lanes: Sequence[Lane | None], ticks: Mapping[int, int], tick: int
) -> dict[int, set[str]]:
    """Return the players that act in each slot at this tick; slots that are done are left out."""
    return {
        slot: acting_players(game, lane, lane.ticks + tick)
        for slot, lane in enumerate(lanes)
        if lane and tick < ticks.get(slot, 0)
    }


def _computed(slots: Sequence[int], fewest: int, width: int) -> tuple[int, ...]:
    """Choose `fewest` lanes or more, these among them; empty if that is all of them.

    >>> _computed([0, 2], 2, 3), _computed([2], 2, 3), _computed([0, 1, 2], 2, 3)
    ((0, 2), (0, 2), ())
    """
    if max(len(slots), fewest) >= width:
        return ()
    others = [slot for slot in range(width) if slot not in slots]
    return tuple(sorted([*slots, *others[: max(0, fewest - len(slots))]]))


def _place(lanes: tuple[int, ...], device: torch.device) -> Tensor | slice:
    """Turn lanes into an index; the first ones become a slice, a view that costs no copy."""
    if lanes == tuple(range(len(lanes))):
        return slice(len(lanes) or None)
    return to_device(torch.tensor(lanes), device)
