"""Says in words where on the map's axis a group of trials is stable."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gensweep.objective import finite_number
from gensweep.report._outcomes import outcome
from gensweep.report._table import Table
from gensweep.report._text_table import rounded_text
from gensweep.trial import Outcome, TrialView

SHARE = 2 / 3
"""Of the trials of a stable region at least so many converge, counted from either end."""
FEWEST, FEWEST_INSIDE = 5, 3
"""Configurations of a group, and of a region, below which no region is told."""
ORDERS = 2000
"""Random orders of the configurations that a region is compared with, or more for many groups."""
AT_ONCE = 2**20
"""Configurations in all orders that are looked at together, to bound the memory."""
CLEAR = 0.05
"""The share of sweeps without any that are told a region all the same, at most."""

METHOD = (
    "The stable region is the run of neighbours along the axis of which at least "
    f"{SHARE:.0%} converged, counted from either end, and most in all. It was chosen for its "
    "count, which is therefore a little too good. None stands out where random orders of the "
    "configurations have a run as clear: in more than "
    f"{CLEAR:.0%} of the orders, divided by the number of groups where one is looked for. A group "
    "is stable throughout if as many configurations converged as coins would as rarely show. Other "
    "hyperparameters differ within a region. Pruned trials are left out."
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
    clearest: Sequence[Place] = ()
    """The run that comes nearest to it where none stands out; empty: there is none."""
    places: Sequence[Place] = ()
    """Where it was looked for, but does not stand out."""


def stable_regions(
    groups: Mapping[str, Sequence[TrialView]], map_axis: str, group_by: str | None
) -> Table | None:
    """Say for each group where along `map_axis` it is stable; None where no trial has a place."""
    rows = [[name, region.words] for name, region in found_regions(groups, map_axis).items()]
    return Table([group_by or "stratum", f"stable {map_axis}"], rows) if rows else None


def regions_sentence(groups: Mapping[str, Sequence[TrialView]], map_axis: str) -> str:
    """Tell the regions and the groups without one; empty without a place."""
    told = found_regions(groups, map_axis)
    if not told:
        return ""
    good = [f"{name} {one.words}" for name, one in told.items() if one.stands_out]
    rest = [name for name, one in told.items() if not one.stands_out]
    if not good:
        return f"No region of {map_axis} stands out as stable{_clearest(told)}."
    if len(told) == 1:
        return f"Stable {map_axis}: {told.popitem()[1].words}."
    more = f"; none stands out for {', '.join(rest)}" if rest else ""
    return f"Stable {map_axis}: {'; '.join(good)}{more}."


def _clearest(told: Mapping[str, Region]) -> str:
    """Name the run that is nearest to a region, and how often chance shows one as clear."""
    chances = {name: chance_of(one.clearest, one.places)
               for name, one in told.items() if one.clearest}  # fmt: skip
    if not chances:
        return ""
    name = min(chances, key=chances.__getitem__)
    run = told[name].clearest
    good, known = _counts(run)
    by_chance = 1 - (1 - chances[name]) ** sum(bool(one.places) for one in told.values())
    group = f"{name} " * (len(told) > 1)
    return (f"; the clearest is {group}{_ends(run)}, {good} of {known}, which may be chance: that "
            f"shows one as clear in {by_chance:.0%} of sweeps")  # fmt: skip


def _ends(run: Sequence[Place]) -> str:
    """Tell where a run begins and ends."""
    return f"{rounded_text(run[0].at)} to {rounded_text(run[-1].at)}"


def found_regions(groups: Mapping[str, Sequence[TrialView]], map_axis: str) -> dict[str, Region]:
    """Look for a region in each group that has a trial on `map_axis`.

    The more groups have trials enough, the clearer a region must be: of many random groups one
    would have a region that is clear for a single one.
    """
    places = {name: _places(group, map_axis) for name, group in groups.items()}
    clear = CLEAR / max(1, sum(not _reason(each) for each in places.values()))
    pruned = {name: sum(outcome(trial) == Outcome.PRUNED and map_axis in trial["params"]
                        for trial in group) for name, group in groups.items()}  # fmt: skip
    return {name: _region(places[name], pruned[name], clear)
            for name in groups if places[name] or pruned[name]}  # fmt: skip


def _region(places: Sequence[Place], pruned: int, clear: float) -> Region:
    """Say where the configurations converge, or why that is not told."""
    if not places:
        return Region(words=f"unknown: {pruned} were pruned", stands_out=False)
    found = () if _reason(places) else _clear_run(places, clear)
    good, known = _counts(found or places)
    more = f", {pruned} pruned aside" if pruned else ""
    if not found:
        counts = f"{good} of {known} converged{more}"
        if reason := _reason(places):
            return Region(words=f"{reason}: {counts}", stands_out=False)
        run = best_run(places)
        return Region(words=f"no region stands out: {counts}", stands_out=False, places=places,
                      clearest=run if len(run) >= FEWEST_INSIDE else ())  # fmt: skip
    throughout = "throughout, " * (len(found) == len(places))
    return Region(words=f"{throughout}{_ends(found)}, {good} of {known}{more}", stands_out=True)


def _reason(places: Sequence[Place]) -> str:
    """Say why no region is looked for; empty if one is."""
    if len(places) < FEWEST:
        return "too few configurations to tell"
    return "" if _counts(places)[0] else "nowhere"


def _counts(places: Sequence[Place]) -> tuple[int, int]:
    """Count the seeds that converged, and all whose end is known."""
    return sum(place.converged for place in places), sum(place.known for place in places)


def _clear_run(places: Sequence[Place], clear: float) -> Sequence[Place]:
    """Return the run that is clear of chance, or all `places` if they are; empty if none is.

    Each of the two has half of the chance to be told by mistake.
    """
    run = best_run(places)
    orders = max(ORDERS, math.ceil(2 / clear))
    if len(run) >= FEWEST_INSIDE and chance_of(run, places, orders) <= clear / 2:
        return run
    is_good = _score(places) >= 0 and chance_of_coins(places) <= clear / 2
    return places if is_good else ()


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


def chance_of(run: Sequence[Place], places: Sequence[Place], orders: int = ORDERS) -> float:
    """Return the share of random orders of `places` that hold a run as clear; this is one, too."""
    import numpy as np

    draw, gains, as_clear = np.random.default_rng(0), np.array([p.gain for p in places]), 1
    at_once = max(1, AT_ONCE // len(places))
    for start in range(0, orders, at_once):
        rows = min(at_once, orders - start)
        sums = draw.permuted(np.tile(gains, (rows, 1)), axis=1).cumsum(axis=1)
        # The best run up to a place begins where the sum before it was least.
        least = np.minimum.accumulate(sums, axis=1).clip(max=0)
        rises = np.maximum(sums[:, 0], (sums[:, 1:] - least[:, :-1]).max(axis=1, initial=0.0))
        as_clear += int((rises >= _score(run) - 1e-9).sum())
    return as_clear / (1 + orders)


def chance_of_coins(places: Sequence[Place]) -> float:
    """Return how likely as many places as here, or more, were good if each were by a coin.

    >>> chance_of_coins([Place(at=n, converged=n != 0, known=1) for n in range(5)])
    0.1875
    """
    good, count = sum(place.gain >= 0 for place in places), len(places)
    return sum(math.comb(count, k) for k in range(good, count + 1)) * 0.5**count
