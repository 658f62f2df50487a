"""Chooses how many lanes a pack has: as many as train the sweep fastest, and fit into memory.

A wider pack shares the cost of starting each operation among more trials, until the device is busy;
beyond that it only leaves fewer trials to a sampler that learns from those that ended. So packs of
doubling width are profiled until one gains nothing, and the narrowest of the fast ones is taken.

No lane is alone for its pace: two gain 27 % of a small network and cost at most 7 % of large
convolutions on a CPU, and a trial's last bits would depend on which was measured to be faster.
"""

import logging
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import torch

from gensweep.lanes import Source
from gensweep.precision import FEWEST
from gensweep.profiling._memory import measure_free_mib, usable_mib
from gensweep.profiling._profile_cache import PackProfile, ProfileTable
from gensweep.profiling._profiler import PackProfiler, ResourceShare
from gensweep.space import all_strata
from gensweep.spec import Sweep

_log = logging.getLogger(__name__)
GOOD_ENOUGH = 1.05
"""A pack may take so many times the least time of all: a narrower one lets a sampler learn more."""
LEAST_S, MOST_S, TRAINING_FRACTION = 10.0, 30.0, 0.05
"""Measuring may take that fraction of the training to come, within bounds in seconds."""
UNMEASURED = 16
"""Lanes of a pack whose measurement failed."""


@dataclass(frozen=True, kw_only=True)
class Width:
    """The chosen width of a pack, and why it was chosen."""

    lanes: int
    table: ProfileTable = field(default_factory=dict)
    free_mib: float = 0.0
    """MiB that are free for a pack, of which its lanes may take a part."""

    note: str = ""
    error: Exception | None = field(default=None, compare=False)
    """That of the narrowest pack, where it failed."""

    def text(self) -> str:
        """Return the choice and its reason as one line for the plan."""
        return f"{format_lanes(self.lanes)}{self._reason()}{self.note}"

    def _reason(self) -> str:
        if not self.table:
            return ""
        free = f"{format_mib(self.free_mib)} free for a pack"
        if self.lanes not in self.table:
            least = min(self.table)
            return f": {least} take {format_mib(self.table[least].memory_mib)}, too much of {free}"
        chosen = self.table[self.lanes]
        paces = {width: f"{self.table[width].lane_round_ms:.3g}" for width in sorted(self.table)}
        others = ", ".join(f"{paces[w]} with {w}" for w in paces if w != self.lanes)
        pace = f"{paces[self.lanes]} ms a lane and round" + (f" ({others})" if others else "")
        return f": {pace}; {format_mib(self._lane_mib(chosen))} a lane of {free}"

    def _lane_mib(self, chosen: PackProfile) -> float:
        """Return the MiB of one more lane; the difference leaves out what a pack takes once."""
        least = min(self.table)
        if least == self.lanes:
            return chosen.memory_mib / self.lanes
        return max(0.0, chosen.memory_mib - self.table[least].memory_mib) / (self.lanes - least)


def fixed_width(sweep: Sweep, packs: int, *, on_gpu: bool) -> Width:
    """Return the width that the user, or the script, has fixed; nothing is measured."""
    most = sweep.most_lanes(packs, on_gpu=on_gpu)
    filled = ", all that the trials fill" if sweep.lanes == most else ""
    return Width(lanes=sweep.lanes, note=f", as asked{filled}")


def format_mib(mib: float) -> str:
    """Format an amount of memory for a reader.

    >>> format_mib(3.14), format_mib(11 * 1024)
    ('3.1 MiB', '11.0 GiB')
    """
    return f"{mib:.1f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def format_lanes(lanes: int) -> str:
    """Format a number of lanes for a reader."""
    return f"{lanes} lane{'s' if lanes > 1 else ''}"


def candidate_widths(most: int) -> list[int]:
    """List the widths to profile: powers of two below `most`, and `most` itself.

    >>> candidate_widths(10), candidate_widths(8), candidate_widths(2), candidate_widths(1)
    ([2, 4, 8, 10], [2, 4, 8], [2], [1])
    """
    return [FEWEST << i for i in range(most.bit_length()) if FEWEST << i < most] + [most]


def choose_width(table: ProfileTable, trials: int, limit_mib: float) -> int:
    """Choose the narrowest pack that trains `trials` in nearly the least time, within `limit_mib`.

    One lane if none fits: a pack that runs out of memory halves itself, down to that.
    """
    spent = {w: round_ms(table, w, trials) for w, p in table.items() if p.memory_mib <= limit_mib}
    least = min(spent.values(), default=0.0)
    return min((w for w, ms in spent.items() if ms <= GOOD_ENOUGH * least), default=1)


def round_ms(table: ProfileTable, width: int, trials: int) -> float:
    """Predict the milliseconds of a round of all `trials`: full packs and a last, narrower one."""
    # Without the remainder a width that fits the trials badly would look as fast as its neighbour.
    rest = trials % width
    lanes = max(FEWEST, rest) if rest else 0
    narrower = [w for w in table if w <= lanes] or [min(table)]
    return (trials - rest) * table[width].lane_round_ms + lanes * table[max(narrower)].lane_round_ms


def is_worth_measuring(table: ProfileTable, width: int, limit_mib: float, rounds: float) -> bool:
    """Return whether to profile a pack of `width`, which is wider than all of `table`.

    False if the last two trained no faster than a narrower one, if it is predicted to take more
    than `limit_mib`, or if profiling took long for a pack that trains `rounds` of single lanes.
    """
    if not table:
        return True
    # Two in a row: a single width may be slow by chance.
    profiles = [table[w] for w in sorted(table)]
    last, paces = profiles[-1], [profile.lane_round_ms for profile in profiles]
    if len(paces) > 2 and min(paces[-2:]) >= min(paces[:-2]):
        return False
    # The next one takes at least as long as the last: what is spent and that are the bill.
    spent, training = sum(p.measuring_s for p in table.values()), rounds * last.lane_round_ms / 1000
    if spent + last.measuring_s > min(MOST_S, max(LEAST_S, TRAINING_FRACTION * training)):
        return False
    return predicted_mib(table, width) <= limit_mib


def predicted_mib(table: ProfileTable, width: int) -> float:
    """Predict the MiB of a wider pack by a straight line through the two widest of `table`."""
    *before, last = sorted(table)
    if not before:
        return table[last].memory_mib * width / last
    lane = (table[last].memory_mib - table[before[-1]].memory_mib) / (last - before[-1])
    return table[last].memory_mib + max(0.0, lane) * (width - last)


def measure_width(profiler: PackProfiler, free_mib: float | None = None) -> Width:
    """Profile packs of growing width, unless they are cached, and choose one.

    It is to fit into a part of `free_mib`, by default the memory that is free now.
    """
    sweep, packs = profiler.sweep, profiler.share.packs
    most = sweep.most_lanes(packs, on_gpu=profiler.device != "cpu")
    if most <= FEWEST:
        return Width(lanes=most, note=f", all that {sweep.trials} trials fill")
    stratum, named = largest_stratum(profiler)
    rounds = sweep.trials * ceil(sweep.budget_images / sweep.config(stratum).batch_size) / packs
    if free_mib is None:
        free_mib = measure_free_mib(profiler.device, packs)
    limit_mib, failed, broken = usable_mib(profiler.device, free_mib), "", None
    table: ProfileTable = {}
    for width in candidate_widths(most):
        if not is_worth_measuring(table, width, limit_mib, rounds):
            break
        try:
            table[width] = found = profiler.profile(stratum, width)
            _log.debug(
                "width %d: %.3g ms a lane and round, %.0f MiB",
                width, found.lane_round_ms, found.memory_mib,
            )  # fmt: skip
        except Exception as error:  # a pack meets it again, and records it as its trials' failure
            broken = error
            cause = f"{type(error).__name__}: {error}".splitlines()[0][:120]
            failed = f"; a wider pack failed: {cause}"
            break
    if not table:
        note = failed.replace("a wider pack", "measuring")
        return Width(lanes=min(UNMEASURED, most), note=note, error=broken)
    lanes = choose_width(table, most, limit_mib)
    return Width(lanes=lanes, table=table, free_mib=free_mib, note=f"{named}{failed}")


def largest_stratum(profiler: PackProfiler) -> tuple[dict[str, Any], str]:
    """Find the stratum with the largest networks, and words that name it.

    All strata get one width, so the largest decides; among equals it is the default one.
    """
    sweep = profiler.sweep
    every = all_strata(sweep.space, sweep.strata)
    usual = sweep.config({})

    def rank(stratum: dict[str, Any]) -> tuple[int, bool]:
        is_usual = all(getattr(usual, name) == value for name, value in stratum.items())
        return profiler.parameter_count(stratum), is_usual

    chosen = max(every, key=rank)
    named = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return chosen, f"; measured with {named}" if len(every) > 1 else ""


def resolve_width(
    sweep: Sweep, dataset: Any, source: Source, share: ResourceShare, device: str
) -> int:
    """Return the sweep's width; if it has none, the pack that is about to train measures it."""
    if sweep.width is not None:
        return sweep.width
    width = measure_width(PackProfiler(sweep, dataset, source, share, device))
    _log.info("width %s", width.text())
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return width.lanes
