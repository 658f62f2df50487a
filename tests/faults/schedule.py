"""Which fault comes when: a pure function of a seed and a number of minutes."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WEIGHTS: Mapping[str, float] = {
    "kill_pack": 2, "stop_pack": 1, "kill_coordinator": 2, "kill_driver": 1,
    "interrupt_driver": 1, "lose_node": 1, "kill_store_process": 1, "kill_tracker": 1,
    "store_away": 1, "store_slow": 1, "store_cut": 1,
    "tracker_away": 1, "tracker_slow": 1, "tracker_cut": 1,
    "database_away": 1, "database_slow": 1, "database_cut": 1,
}  # fmt: skip
"""Kind to how often it comes beside the others."""
KINDS = tuple(WEIGHTS)
LONG_S: Mapping[str, float] = {"lose_nodes": 60.0, "silence_pack": 330.0, "hang_pack": 960.0}
"""Kinds that take minutes, and come where they are named: all worker nodes are lost, and return; a
pack is stopped for longer than a lease lasts; or for longer than a pack may, which is killed."""
ALL_KINDS = (*KINDS, *LONG_S)
KILLS = ("kill_pack", "kill_coordinator", "kill_driver", "lose_node", "kill_store_process",
         "kill_tracker")  # fmt: skip

TRIALS_A_MINUTE, FEWEST_TRIALS = 60, 8
"""So many trials keep a sweep running as long as its faults come; one that ended has none."""
FIRST_S = 3.0
GAPS_S = (4.0, 14.0)
"""Between the beginnings of two faults."""
KILL_GAPS_S = (3.0, 9.0)
"""As `GAPS_S`, where so many kills are asked for."""
LASTS_S = (2.0, 15.0)
"""How long a server is away, or a pack is stopped; kills come back as soon as their like does."""
REST_S = 2.0
"""Between two faults of one target, which would end each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A fault of a schedule: what happens when, counted from the first pack's first call."""

    kind: str
    at_s: float
    for_s: float
    """How long what is away stays away."""

    choice: float
    """Which of several targets is hit, from 0 to 1."""

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s


def outages(lasts_s: float) -> list[Fault]:
    """Return the outage of each server in its turn, with half its time of calm before each.

    >>> [(fault.kind, fault.at_s) for fault in outages(300)]
    [('store_away', 150.0), ('tracker_away', 600.0), ('database_away', 1050.0)]
    """
    kinds = ("store_away", "tracker_away", "database_away")
    return [
        Fault(kind=kind, at_s=lasts_s * (0.5 + 1.5 * place), for_s=lasts_s, choice=0.0)
        for place, kind in enumerate(kinds)
    ]


def trials_for(minutes: float) -> int:
    """How many trials a sweep needs that is to last as long as a schedule.

    >>> trials_for(3), trials_for(0.1)
    (180, 8)
    """
    return max(FEWEST_TRIALS, round(TRIALS_A_MINUTE * minutes))


def target_of(kind: str) -> str:
    """Name what a kind of fault hits.

    >>> target_of("kill_store_process"), target_of("store_slow"), target_of("stop_pack")
    ('store', 'store', 'pack')
    """
    words = kind.split("_")
    return words[0] if words[0] in ("store", "tracker", "database") else words[1]


def schedule_kills(seed: int, count: int, kinds: Sequence[str] = KILLS) -> list[Fault]:
    """Draw so many faults, one soon after the other."""
    minutes = count * KILL_GAPS_S[1] / 30  # twice what they take: some wait for others
    return schedule(seed, minutes, kinds, KILL_GAPS_S)[:count]


def schedule(
    seed: int, minutes: float, kinds: Sequence[str] = KINDS,
    gaps_s: tuple[float, float] = GAPS_S,
) -> list[Fault]:  # fmt: skip
    """Draw the faults of so many minutes, in the order of their times.

    No two of one target overlap: the end of the first would be that of the second.
    """
    drawn = random.Random(f"{seed}/{minutes:g}/{','.join(kinds)}")
    weights = [WEIGHTS.get(kind, 1) for kind in kinds]
    faults: list[Fault] = []
    free: dict[str, float] = {}
    at = FIRST_S
    while at < 60 * minutes:
        kind = drawn.choices(kinds, weights)[0]
        lasts_s = round(drawn.uniform(*LASTS_S), 1)
        fault = Fault(
            kind=kind, at_s=round(max(at, free.get(target_of(kind), 0.0)), 1),
            for_s=LONG_S.get(kind, lasts_s), choice=drawn.random(),
        )  # fmt: skip
        if fault.at_s < 60 * minutes:
            faults.append(fault)
            free[target_of(kind)] = fault.end_s + REST_S
        at += drawn.uniform(*gaps_s)
    return sorted(faults, key=lambda fault: fault.at_s)
