"""Plans which trials are drawn next: those of a fixed list, or such as each stratum lacks.

Runs in the coordinator's actor, when a pack asks for trials of a stratum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gensweep.configurations import Configurations
from gensweep.space import Stratum
from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudySpec

Key = tuple[tuple[str, Any], ...]
"""A stratum as something hashable."""


def key_of(values: Mapping[str, Any], names: Iterable[str]) -> Key:
    """The stratum of a configuration; dimensions that do not exist in it are left out."""
    return tuple((name, values[name]) for name in names if name in values)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTrial:
    """A trial that is still to be drawn."""

    fixed: dict[str, Any]
    """Parameters that are not the sampler's to choose."""

    group: int | None
    """Number of the trial that it repeats; None: it repeats none."""


class NewTrials(Protocol):
    """The trials of a search that are still to be drawn, within its number of trials."""

    total: int
    """Trials that were drawn."""

    def add(self, entry: TrialEntry, key: Key) -> None:
        """Count a trial that was drawn, in this session or an earlier one; in their order."""

    def has_next(self, key: Key) -> bool:
        """Return whether the stratum may have one more trial."""

    def plan(self, key: Key) -> NewTrial:
        """Plan what is to be drawn so that the stratum gets its next trial, perhaps after others.

        Only where `has_next`.
        """

    def urgency(self, key: Key, waiting: TrialEntry | None) -> tuple[int, ...]:
        """Sort key of the strata that have something, the most urgent first.

        `waiting` is the stratum's first trial that was drawn and never begun.
        """


class ListedTrials:
    """Takes trials from a fixed list in its order: number n is the same, whatever asks, and when.

    A configuration has as many places in a row as it has repeats. A stratum that asks gets the next
    place of its own; what the list has before that is drawn, too, and waits for its stratum.
    """

    def __init__(self, spec: StudySpec, strata: Iterable[Key], listed: Configurations) -> None:
        self._names, self._repeats, self._listed = spec.strata, spec.repeats, listed
        self._trials = spec.budget.trials
        self._first: TrialEntry | None = None
        """The latest configuration's first trial, which others may still repeat."""
        self._next = dict.fromkeys(strata, 0)
        """The stratum has no place that is not drawn before this one."""
        self.total = 0

    def add(self, entry: TrialEntry, key: Key) -> None:
        """Count a trial; every `repeats`-th begins a configuration."""
        if self.total % self._repeats == 0:
            self._first = entry
        self.total += 1

    def has_next(self, key: Key) -> bool:
        """Return whether the rest of the list has a place of the stratum."""
        return self._find_next(key) < self._trials

    def plan(self, key: Key) -> NewTrial:
        """Plan the next trial of the list, of whatever stratum."""
        place, repeat = divmod(self.total, self._repeats)
        if repeat and self._first is not None:
            return NewTrial(fixed=self._first.params, group=self._first.group)
        return NewTrial(fixed=self._listed.values(place), group=None)

    def urgency(self, key: Key, waiting: TrialEntry | None) -> tuple[int, ...]:
        """Order strata by their next trial's number."""
        return (self._find_next(key) if waiting is None else waiting.number,)

    def _find_next(self, key: Key) -> int:
        """The stratum's first place from `total` on; no place of the list if there is none.

        Where the last search ended is kept, so that all of them pass over the list once.
        """
        at = max(self._next[key], self.total)
        while at < self._trials and not self._is_of(key, at):
            at += 1
        self._next[key] = at
        return at

    def _is_of(self, key: Key, number: int) -> bool:
        stratum = self._listed.stratum(number // self._repeats)
        return stratum is not None and key_of(stratum, self._names) == key


class SharedTrials:
    """Draws trials of the stratum that asks, within its fair share of all.

    What a sampler that learns makes of one depends on when it is asked; sweeps of earlier versions
    go on so with every sampler.
    """

    def __init__(self, spec: StudySpec, strata: Mapping[Key, Stratum]) -> None:
        self._strata, self._repeats, self._trials = strata, spec.repeats, spec.budget.trials
        self._groups: dict[Key, dict[int, list[TrialEntry]]] = {key: {} for key in strata}
        self._sizes: Counter[Key] = Counter()
        self.total = 0

    def add(self, entry: TrialEntry, key: Key) -> None:
        """Count a trial, and whether its configuration lacks repeats."""
        self.total += 1
        self._sizes[key] += 1
        group = self._groups[key].setdefault(entry.group, [])
        group.append(entry)
        if len(group) >= self._repeats:
            del self._groups[key][entry.group]

    def has_next(self, key: Key) -> bool:
        """Return whether trials, and the stratum's own share, are left.

        A new group is opened only if trials are left beyond what the open ones still lack: a
        sweep shall not end in groups that are too small.
        """
        left = self._trials - self.total
        if left <= 0:
            return False
        if self._open_group(key) is not None:
            return True
        return left > self._lacking() and self._sizes[key] < self._quota()

    def plan(self, key: Key) -> NewTrial:
        """Plan a repeat where one lacks, or else a new configuration."""
        if group := self._open_group(key):
            return NewTrial(fixed=group[0].params, group=group[0].group)
        return NewTrial(fixed=dict(self._strata[key]), group=None)

    def urgency(self, key: Key, waiting: TrialEntry | None) -> tuple[int, ...]:
        """Order by what was drawn already, then repeats, without which their group says little.

        Then the stratum with the fewest trials comes, so that shares grow evenly however early a
        sweep ends.
        """
        return waiting is None, self._open_group(key) is None, self._sizes[key]

    def _open_group(self, key: Key) -> list[TrialEntry] | None:
        """Trials of equal parameters that lack repeats."""
        return next(iter(self._groups[key].values()), None)

    def _lacking(self) -> int:
        """Repeats that open groups still lack."""
        groups = [group for key in self._groups for group in self._groups[key].values()]
        return sum(self._repeats - len(group) for group in groups)

    def _quota(self) -> int:
        """A stratum's fair share of all trials, rounded up to whole groups of repeats."""
        shares = -(-self._trials // (self._repeats * len(self._strata)))
        return shares * self._repeats
