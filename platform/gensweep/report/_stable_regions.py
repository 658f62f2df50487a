"""Says in words where on the map's axis a group of trials is stable."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gensweep.objective import finite_number
from gensweep.report._outcomes import outcome
from gensweep.report._table import Table
from gensweep.trial import Outcome, TrialView

SHARE = 2 / 3
"""Of the trials of a stable region at least so many converge, counted from either end."""
FEWEST, FEWEST_INSIDE = 5, 3
"""Configurations of a group, and of a region, below which no region is told."""
ORDERS, CLEAR = 400, 0.05
"""Random orders that a region is compared with, and how few of them may have one as clear."""

METHOD = (
    f"The stable region is the run of neighbours along the axis of which at least {SHARE:.0%} "
    "converged, counted from either end, and most in all. It was chosen for its count, which is "
    "therefore a little too good; where more than "
    f"{CLEAR:.0%} of {ORDERS} random orders of the trials have a run as clear, that is said. Other "
    "hyperparameters differ within it. Pruned trials are left out."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A configuration's place on the axis, and how its seeds ended."""

    at: float
    converged: int
    known: int
    """Seeds that were not pruned."""

    @property
    def gain(self) -> float:
        """The score that it adds to a region that it lies in."""
        return self.converged - SHARE * self.known


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """The stable region of a group in words, or the reason why there is none."""

    words: str
    stands_out: bool
    """False where `words` are a reason."""


def stable_regions(
    groups: Mapping[str, Sequence[TrialView]], map_axis: str, group_by: str | None
) -> Table | None:
    """Say for each group where along `map_axis` it is stable; None where no trial has a place."""
    rows = [[name, region.words] for name, group in groups.items()
            if (region := stable_region(group, map_axis))]  # fmt: skip
    return Table([group_by or "stratum", f"stable {map_axis}"], rows) if rows else None


def regions_sentence(groups: Mapping[str, Sequence[TrialView]], map_axis: str) -> str:
    """Tell the regions, each with its doubt, and the groups without one; empty without a place."""
    found = {name: stable_region(group, map_axis) for name, group in groups.items()}
    told = {name: region for name, region in found.items() if region is not None}
    if not told:
        return ""
    good = [f"{name} {one.words}" for name, one in told.items() if one.stands_out]
    rest = [name for name, one in told.items() if not one.stands_out]
    if not good:
        return f"No region of {map_axis} stands out as stable."
    if len(told) == 1:
        return f"Stable {map_axis}: {told.popitem()[1].words}."
    more = f"; none stands out for {', '.join(rest)}" if rest else ""
    return f"Stable {map_axis}: {'; '.join(good)}{more}."


def stable_region(trials: Sequence[TrialView], map_axis: str) -> Region | None:
    """Say where along `map_axis` the trials converge; None if none has a value there.

    >>> trials = [{"group": n, "params": {"x": 10.0**-n}, "state": "completed",
    ...            "outcome": "converged" if 2 < n < 9 else "diverged"} for n in range(12)]
    >>> stable_region(trials, "x").words
    '1e-08 to 0.001, 6 of 6'
    """
    places = _places(trials, map_axis)
    pruned = sum(outcome(trial) == Outcome.PRUNED and map_axis in trial["params"]
                 for trial in trials)  # fmt: skip
    more = f", {pruned} pruned aside" if pruned else ""
    if not places:
        return Region(words=f"unknown: {pruned} were pruned", stands_out=False) if pruned else None
    if reason := _reason(places):
        good, known = _counts(places)
        words = f"{reason}: {good} of {known} converged{more}"
        return Region(words=words, stands_out=False)
    return Region(words=_words(best_run(places), places) + more, stands_out=True)


def _reason(places: Sequence[Place]) -> str:
    """Say why no region is told; empty if one is."""
    if len(places) < FEWEST:
        return "too few configurations to tell"
    if not _counts(places)[0]:
        return "nowhere"
    return "no region stands out" if len(best_run(places)) < FEWEST_INSIDE else ""


def _counts(places: Sequence[Place]) -> tuple[int, int]:
    """Count the seeds that converged, and all whose end is known."""
    return sum(place.converged for place in places), sum(place.known for place in places)


def _words(region: Sequence[Place], places: Sequence[Place]) -> str:
    """Tell the ends and the count of a region, and a doubt if there is one."""
    good, known = _counts(region)
    says = f"{region[0].at:.2g} to {region[-1].at:.2g}, {good} of {known}"
    if len(region) == len(places):
        return f"throughout, {says}"
    chance = chance_of(_score(region), places)
    return says if chance <= CLEAR else f"{says} (as clear in {chance:.0%} of random orders)"


def _places(trials: Sequence[TrialView], map_axis: str) -> list[Place]:
    """Configurations whose end is known, in the order of the axis."""
    seeds: dict[tuple[float, int], list[Outcome]] = {}
    for trial in trials:
        at, end = finite_number(trial["params"].get(map_axis)), outcome(trial)
        if at is not None and end != Outcome.PRUNED:
            seeds.setdefault((at, trial["group"]), []).append(end)
    return [
        Place(at=at, converged=ends.count(Outcome.CONVERGED), known=len(ends))
        for (at, _), ends in sorted(seeds.items(), key=lambda pair: pair[0][0])
    ]


def _score(places: Sequence[Place]) -> float:
    return sum(place.gain for place in places)


def best_run(places: Sequence[Place]) -> Sequence[Place]:
    """Return the longest run of neighbours with the largest score, by Kadane's algorithm."""
    best, start, score, most = (0, 0), 0, 0.0, 0.0
    for end, place in enumerate(places, 1):
        if score < -1e-9:
            start, score = end - 1, 0.0
        score += place.gain
        longer = end - start > best[1] - best[0]
        if score > 1e-9 and (score > most + 1e-9 or (score > most - 1e-9 and longer)):
            best, most = (start, end), score
    return places[best[0] : best[1]]


def chance_of(score: float, places: Sequence[Place]) -> float:
    """Return the share of random orders of `places` that hold a run of this score or more."""
    draw, shuffled = random.Random(0), list(places)
    found = 0
    for _ in range(ORDERS):
        draw.shuffle(shuffled)
        found += _score(best_run(shuffled)) >= score - 1e-9
    return (1 + found) / (1 + ORDERS)
