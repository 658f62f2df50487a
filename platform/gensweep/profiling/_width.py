"""How many lanes a pack has: as many as train the sweep's trials fastest, and fit into memory."""

import logging
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import torch

from gensweep.lanes import FEWEST, Source
from gensweep.profiling._cache import PackProfile, Table
from gensweep.profiling._memory import free_mib, room_mib
from gensweep.profiling._profiler import PackProfiler, ResourceShare
from gensweep.space import all_strata
from gensweep.spec import Sweep

_log = logging.getLogger(__name__)
GOOD_ENOUGH = 1.05
"""Times the least time of all: narrower packs leave more trials to a sampler that learns."""
LEAST_S, MOST_S, PART = 10.0, 30.0, 0.05
"""Measuring may take that part of the training to come, within bounds."""
UNMEASURED = 16
"""Lanes where measuring fails."""


@dataclass(frozen=True, kw_only=True)
class Width:
    """The width that was chosen, and why."""

    lanes: int
    table: Table = field(default_factory=dict)
    free: float = 0.0
    """MiB that are free for a pack."""

    note: str = ""

    def text(self) -> str:
        """The choice in a line."""
        return f"{count(self.lanes)}{self._found()}{self.note}"

    def _found(self) -> str:
        if not self.table:
            return ""
        free = f"{size(self.free)} free for a pack"
        if self.lanes not in self.table:
            least = min(self.table)
            return f": {least} take {size(self.table[least].mib)}, too much of {free}"
        chosen = self.table[self.lanes]
        others = ", ".join(f"{p.ms:.3g} with {w}" for w, p in self.table.items() if w != self.lanes)
        pace = f"{chosen.ms:.3g} ms a lane and round" + (f" ({others})" if others else "")
        return f": {pace}; {size(self._lane_mib(chosen))} a lane of {free}"

    def _lane_mib(self, chosen: PackProfile) -> float:
        """What a further lane takes."""
        least = min(self.table)
        if least == self.lanes:
            return chosen.mib / self.lanes
        return max(0.0, chosen.mib - self.table[least].mib) / (self.lanes - least)


def asked_for(sweep: Sweep, packs: int) -> Width:
    """The width that the user, or the script, has fixed."""
    filled = ", all that the trials fill" if sweep.lanes == sweep.most_lanes(packs) else ""
    return Width(lanes=sweep.lanes, note=f", as asked{filled}")


def size(mib: float) -> str:
    """In words.

    >>> size(3.14), size(11 * 1024)
    ('3.1 MiB', '11.0 GiB')
    """
    return f"{mib:.1f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def count(lanes: int) -> str:
    """In words."""
    return f"{lanes} lane{'s' if lanes > 1 else ''}"


def candidates(most: int) -> list[int]:
    """Powers of two below `most`, and that.

    >>> candidates(10), candidates(8), candidates(2), candidates(1)
    ([2, 4, 8, 10], [2, 4, 8], [2], [1])
    """
    return [FEWEST << i for i in range(most.bit_length()) if FEWEST << i < most] + [most]


def choose(table: Table, trials: int, room: float) -> int:
    """The narrowest pack that trains `trials` in nearly the least time, of those within `room` MiB.

    A lane if none is: a pack that does not fit either halves itself, down to that.
    """
    spent = {w: time_of(table, w, trials) for w, p in table.items() if p.mib <= room}
    least = min(spent.values(), default=0.0)
    return min((w for w, ms in spent.items() if ms <= GOOD_ENOUGH * least), default=1)


def time_of(table: Table, width: int, trials: int) -> float:
    """Milliseconds that a round of all `trials` takes, the last of them in a narrower pack."""
    rest = trials % width
    lanes = max(FEWEST, rest) if rest else 0
    narrower = [w for w in table if w <= lanes] or [min(table)]
    return (trials - rest) * table[width].ms + lanes * table[max(narrower)].ms


def goes_on(table: Table, width: int, room: float, rounds: float) -> bool:
    """Whether a pack of `width`, wider than all of `table`, is worth to be measured.

    Not if the last two trained no faster than a narrower one, if it would take more than `room`
    MiB, or if measuring took long for packs that train `rounds` of single lanes.
    """
    if not table:
        return True
    *before, last = (table[w] for w in sorted(table))
    if len(before) > 1 and min(last.ms, before[-1].ms) >= min(p.ms for p in before[:-1]):
        return False
    spent, training = sum(p.seconds for p in table.values()), rounds * last.ms / 1000
    if spent + last.seconds > min(MOST_S, max(LEAST_S, PART * training)):
        return False
    return foreseen(table, width) <= room


def foreseen(table: Table, width: int) -> float:
    """MiB of a wider pack, in a straight line from the last two."""
    *before, last = sorted(table)
    if not before:
        return table[last].mib * width / last
    lane = (table[last].mib - table[before[-1]].mib) / (last - before[-1])
    return table[last].mib + max(0.0, lane) * (width - last)


def measure_width(profiler: PackProfiler, free: float | None = None) -> Width:
    """Measure what is not remembered, and choose; by default, within the memory that is free."""
    sweep, packs = profiler.sweep, profiler.room.packs
    most = sweep.most_lanes(packs)
    if most <= FEWEST:
        return Width(lanes=most, note=f", all that {sweep.trials} trials fill")
    stratum, named = largest(profiler)
    rounds = sweep.trials * ceil(sweep.budget_images / sweep.config(stratum).batch_size) / packs
    free = free_mib(profiler.device, packs) if free is None else free
    room, failed = room_mib(profiler.device, free), ""
    table: Table = {}
    for width in candidates(most):
        if not goes_on(table, width, room, rounds):
            break
        try:
            table[width] = found = profiler.profile(stratum, width)
            _log.debug("width %d: %.3g ms a lane and round, %.0f MiB", width, found.ms, found.mib)
        except Exception as error:  # what is wrong with a model, a pack tells and keeps
            cause = f"{type(error).__name__}: {error}".splitlines()[0][:120]
            failed = f"; a wider pack failed: {cause}"
            break
    if not table:
        return Width(lanes=min(UNMEASURED, most), note=failed.replace("a wider pack", "measuring"))
    return Width(lanes=choose(table, most, room), table=table, free=free, note=f"{named}{failed}")


def largest(profiler: PackProfiler) -> tuple[dict[str, Any], str]:
    """The stratum with the largest networks, the default one if several are; and its name."""
    sweep = profiler.sweep
    every = all_strata(sweep.space, sweep.strata)
    usual = sweep.config({})

    def rank(stratum: dict[str, Any]) -> tuple[int, bool]:
        is_usual = all(getattr(usual, name) == value for name, value in stratum.items())
        return profiler.parameters(stratum), is_usual

    chosen = max(every, key=rank)
    named = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return chosen, f"; measured with {named}" if len(every) > 1 else ""


def resolve_width(
    sweep: Sweep, dataset: Any, source: Source, room: ResourceShare, device: str
) -> int:
    """The sweep's width; if it has none, as measured by the pack that is to train."""
    if sweep.width is not None:
        return sweep.width
    width = measure_width(PackProfiler(sweep, dataset, source, room, device))
    _log.info("width %s", width.text())
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return width.lanes
