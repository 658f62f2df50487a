"""Which turns a pack computes, in which order, and for which lanes.

L lanes, T ticks, S steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gensweep.game import Game
from gensweep.lanes._feed import moved
from gensweep.lanes._lane import Lane
from gensweep.lanes._schedule import acting, fractions

FEWEST = 2
"""Lanes of a computation: one alone takes other kernels, whose last bits differ."""
Program = list[tuple[int, str]]
"""The turns of one lane: tick and player."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of `player`, computed for some lanes at once."""

    player: str
    acting: dict[int, int]
    """Slot to its tick: lanes need not be at the same one."""
    lanes: Sequence[int] = ()
    """The lanes that are computed; none: all."""

    def place(self, width: int) -> tuple[Any, Any]:
        """Where in something `[L, T]` the computed lanes have what they take."""
        ticks = set(self.acting.values())
        if not self.lanes and len(ticks) == 1:
            return slice(None), ticks.pop()
        lanes = self.lanes or range(width)
        at = [self.acting.get(slot, 0) for slot in lanes]
        return torch.tensor(lanes), torch.tensor(at)


class Plan:
    """The steps of a part of training, known to the device before the first.

    `limits` are ticks that each lane may take. `even`: it takes as many; otherwise the part ends
    with the first that does. `halves` lets lanes wait until half of the pack can act, if it has
    halves.
    """

    def __init__(
        self, game: Game, lanes: Sequence[Lane | None], limits: Mapping[int, int],
        device: torch.device, *, even: bool, halves: bool,
    ):  # fmt: skip
        programs = _programs(game, lanes, limits)
        width, occupied = len(lanes), sum(lane is not None for lane in lanes)
        if halves and width >= 2 * FEWEST:
            self.steps = list(in_halves(programs, width, even=even))
        else:
            self.steps = list(in_step(programs, list(game.players), even=even))
        self.ticks: dict[int, int] = {}
        """Those that each lane takes."""
        for step in self.steps:
            self.ticks |= {slot: tick + 1 for slot, tick in step.acting.items()}
        self.progress = moved(fractions(lanes, max(self.ticks.values(), default=0)), device)
        self._whole = [len(s.acting) == (len(s.lanes) or occupied) for s in self.steps]
        self._masks = moved(_masks(self.steps, width), device)

    def mask(self, number: int) -> Tensor | None:
        """Which of the step's computed lanes act, a mask; None: all, but for empty ones."""
        if self._whole[number]:
            return None
        lanes = self.steps[number].lanes
        return self._masks[number, list(lanes)] if lanes else self._masks[number]


def _masks(steps: Sequence[Step], width: int) -> Tensor:
    """Which lanes act at each step: [S, L]."""
    return torch.tensor([[slot in step.acting for slot in range(width)] for step in steps])


def _programs(
    game: Game, lanes: Sequence[Lane | None], limits: Mapping[int, int]
) -> dict[int, Program]:
    return {
        slot: [
            (tick, player)
            for tick in range(limits[slot])
            for player in _in_order(game, acting(game, lane, lane.ticks + tick))
        ]
        for slot, lane in enumerate(lanes)
        if lane and limits.get(slot)
    }


def _in_order(game: Game, players: set[str]) -> list[str]:
    return [name for name in game.players if name in players]


def in_step(programs: Mapping[int, Program], players: list[str], *, even: bool) -> Iterator[Step]:
    """Tick by tick of all lanes, each player in those where it acts.

    >>> two = {0: [(0, "critic"), (0, "generator")], 1: [(0, "critic")]}
    >>> [list(step.acting) for step in in_step(two, ["critic", "generator"], even=True)]
    [[0, 1], [0]]
    """
    spans = [program[-1][0] + 1 for program in programs.values()]
    turns = {slot: set(program) for slot, program in programs.items()}
    for tick in range((max if even else min)(spans, default=0)):
        for player in players:
            due = {slot: tick for slot, own in turns.items() if (tick, player) in own}
            if due:
                yield Step(player, due)


def in_halves(programs: Mapping[int, Program], width: int, *, even: bool) -> Iterator[Step]:
    """Half of the pack at a time, of lanes that wait for the same player; all, where all do.

    Of two players one has always half of a full pack waiting, so that nothing is computed in
    vain. Lanes with the most turns before them go first. Not `even`: no lane begins a tick once
    one has taken its last.

    >>> two = {slot: [(0, "critic"), (0, "generator")][: 1 + slot % 2] for slot in range(4)}
    >>> [sorted(step.acting) for step in in_halves(two, 4, even=True)]
    [[0, 1, 2, 3], [1, 3]]
    """
    done = dict.fromkeys(programs, 0)
    half, closing = width // 2, False
    while groups := _waiting(programs, done, begun=closing):
        player, group = _fullest(groups, half, programs, done)
        if len(group) == width:
            chosen, lanes = group, list[int]()
        else:
            chosen = group[:half]
            lanes = _filled(chosen, half, width)
        yield Step(player, {slot: programs[slot][done[slot]][0] for slot in chosen}, lanes)
        for slot in chosen:
            done[slot] += 1
            closing |= not even and done[slot] == len(programs[slot])


def _waiting(
    programs: Mapping[int, Program], done: Mapping[int, int], *, begun: bool
) -> dict[str, list[int]]:
    """Player to the lanes that wait for it, those with most turns left first.

    `begun`: only lanes that have begun their tick.
    """
    groups: dict[str, list[int]] = {}
    for slot, program in programs.items():
        at = done[slot]
        if at < len(program) and not (begun and _between_ticks(program, at)):
            groups.setdefault(program[at][1], []).append(slot)
    for group in groups.values():
        group.sort(key=lambda slot: done[slot] - len(programs[slot]))
    return groups


def _between_ticks(program: Program, at: int) -> bool:
    return at == 0 or program[at - 1][0] != program[at][0]


def _fullest(
    groups: Mapping[str, list[int]], half: int, programs: Mapping[int, Program],
    done: Mapping[int, int],
) -> tuple[str, list[int]]:  # fmt: skip
    """The group that fills a half and has the lane with most turns left, or else the largest."""

    def rank(player: str) -> tuple[int, int]:
        first = groups[player][0]
        return min(half, len(groups[player])), len(programs[first]) - done[first]

    player = max(groups, key=rank)
    return player, groups[player]


def _filled(chosen: Sequence[int], count: int, width: int) -> list[int]:
    """These lanes and as many others as make up `count`."""
    others = [slot for slot in range(width) if slot not in chosen]
    return sorted([*chosen, *others[: count - len(chosen)]])
