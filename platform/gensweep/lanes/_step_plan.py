"""Plans which turns a pack computes, in which order, and for which lanes.

L lanes, T ticks, S steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._batches_and_noise import to_device
from gensweep.lanes._lane import Lane
from gensweep.lanes._lane_index import LaneIndex
from gensweep.lanes._penalty import Due
from gensweep.lanes._schedule import (
    Tick,
    budget_fractions,
    tick_of,
    turns_per_penalty,
    update_order,
)
from gensweep.precision import FEWEST


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a player, or of several at once, at one tick of each lane."""

    acting: Mapping[str, Sequence[int]]
    """The slots in which each of the players acts."""
    tick: int
    lanes: tuple[int, ...]
    """The lanes that are computed, in ascending order; empty: all."""
    due: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Those of the acting slots in which a player pays its penalty, too."""
    measured: Mapping[int, bool] = field(default_factory=dict)
    """The slots in which it is measured what the turn does; whether a tenth of a budget ends."""


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
        self.turns = {slot: dict(lane.turns) for slot, lane in enumerate(lanes) if lane}
        """Turns of each player that has a penalty, by slot, after all steps."""
        # Lanes at different places in their rounds act together as far as their players agree.
        for tick in range(span):
            now = _now(game, lanes, ticks, tick)
            measured = {slot: one.is_tenth for slot, one in now.items() if one.is_measured}
            for acting in _turns(game, _acting(game, now)):
                slots = sorted({slot for some in acting.values() for slot in some})
                only = _computed(*((slots, FEWEST) if sparse else (occupied, power)), width)
                due = self._count(game, lanes, acting)
                self.steps.append(Step(acting, tick, only, due, measured))
        self.progress = to_device(budget_fractions(lanes, span), device)
        self._again = [
            {name: _again(slots, step.lanes, width, sparse=sparse)
             for name, slots in step.due.items()} for step in self.steps
        ]  # fmt: skip
        again = [part for each in self._again for both in each.values() for part in both]
        every = {*again, *(step.lanes for step in self.steps)}
        self._places = {some: _place(some, device) for some in every}
        self._put_masks(occupied, width, device)

    def _count(
        self, game: Game, lanes: Sequence[Lane | None], acting: Mapping[str, Sequence[int]]
    ) -> dict[str, list[int]]:
        """Count the turns of players with a penalty; return the slots in which each pays it."""
        due: dict[str, list[int]] = {}
        for name, slots in acting.items():
            for slot in slots if game.players[name].penalty_every is not None else ():
                lane, taken = lanes[slot], self.turns[slot].get(name, 0)
                assert lane is not None
                if taken % turns_per_penalty(game.players[name], lane.hyper) == 0:
                    due.setdefault(name, []).append(slot)
                self.turns[slot][name] = taken + 1
        return due

    def _put_masks(self, occupied: Sequence[int], width: int, device: torch.device) -> None:
        """Put the masks of all steps on the device."""
        whole = tuple(range(width))
        # A mask costs copies of the state, so a step has one only if a trial is computed that does
        # not act. Empty lanes may change: the next trial resets them.
        turns = []
        for step, again in zip(self.steps, self._again, strict=True):
            turns += [(slots, step.lanes or whole) for slots in step.acting.values()]
            turns += [(slots, again[name].lanes or whole) for name, slots in step.due.items()]
        self._masked = [
            any(slot in some and slot not in slots for slot in occupied) for slots, some in turns
        ]
        # They cross as one tensor, rows padded to the pack's width.
        acts = [[slot in slots for slot in some] for slots, some in turns]
        self._masks = to_device(torch.tensor([row + [False] * (width - len(row)) for row in acts]),
                            device)  # fmt: skip
        counts = (len(step.acting) + len(step.due) for step in self.steps)
        self._first = list(accumulate(counts, initial=0))

    def computed_lanes(self, step: Step) -> LaneIndex:
        """Return the lanes that the step computes, as an index into [L, ...]."""
        return self._places[step.lanes]

    def acting_masks(self, number: int) -> dict[str, Tensor | None]:
        """Return, for each player of the step, the mask of the computed lanes in which it acts.

        None: all of them, but for empty ones.
        """
        step, first = self.steps[number], self._first[number]
        return {name: self._mask(turn, step.lanes) for turn, name in enumerate(step.acting, first)}

    def penalties_due(self, number: int) -> dict[str, Due]:
        """Return, for each player of the step that pays a penalty somewhere, where it is due."""
        step, again = self.steps[number], self._again[number]
        first = self._first[number] + len(step.acting)
        return {
            name: Due(self._places[again[name].rows], self._places[again[name].lanes],
                      self._mask(turn, again[name].lanes))
            for turn, name in enumerate(step.due, first)
        }  # fmt: skip

    def _mask(self, turn: int, lanes: tuple[int, ...]) -> Tensor | None:
        if not self._masked[turn]:
            return None
        return self._masks[turn, : len(lanes)] if lanes else self._masks[turn]


class Again(NamedTuple):
    """The lanes of a step that are computed again, for a penalty; empty: all."""

    rows: tuple[int, ...]
    """Their places among the lanes of the step."""
    lanes: tuple[int, ...]
    """Their slots."""


def _again(slots: Sequence[int], computed: tuple[int, ...], width: int, *, sparse: bool) -> Again:
    """Choose the lanes for a penalty that is due in `slots`, of those that a step computes."""
    every = computed or tuple(range(width))
    rows = _computed([every.index(s) for s in slots], FEWEST, len(every)) if sparse else ()
    return Again(rows, tuple(every[row] for row in rows) if rows else computed)


def _now(
    game: Game, lanes: Sequence[Lane | None], ticks: Mapping[int, int], tick: int
) -> dict[int, Tick]:
    """Return by slot what this tick is there; those that are done are left out."""
    return {
        slot: tick_of(game, lane, lane.ticks + tick)
        for slot, lane in enumerate(lanes)
        if lane and tick < ticks.get(slot, 0)
    }


def _acting(game: Game, now: Mapping[int, Tick]) -> dict[str, list[int]]:
    """Return the slots in which each player acts."""
    slots = {name: [i for i, one in now.items() if name in one.players] for name in game.players}
    return {name: some for name, some in slots.items() if some}


def _turns(game: Game, acting: dict[str, list[int]]) -> list[dict[str, list[int]]]:
    """Split those who act at a tick into turns: one player after the other, or all at once."""
    if update_order(game) == "in_turn":
        return [{name: slots} for name, slots in acting.items()]
    return [acting] if acting else []


def _computed(slots: Sequence[int], fewest: int, width: int) -> tuple[int, ...]:
    """Choose `fewest` lanes or more, these among them; empty if that is all of them.

    >>> _computed([0, 2], 2, 3), _computed([2], 2, 3), _computed([0, 1, 2], 2, 3)
    ((0, 2), (0, 2), ())
    """
    if max(len(slots), fewest) >= width:
        return ()
    others = [slot for slot in range(width) if slot not in slots]
    return tuple(sorted([*slots, *others[: max(0, fewest - len(slots))]]))


def _place(lanes: tuple[int, ...], device: torch.device) -> LaneIndex:
    """Turn lanes into an index; the first ones become a slice, a view that costs no copy."""
    if lanes == tuple(range(len(lanes))):
        return slice(len(lanes) or None)
    return to_device(torch.tensor(lanes), device)
