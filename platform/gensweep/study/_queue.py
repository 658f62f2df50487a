"""Which trials come next: the queue, unfinished repeats, and the balance over strata."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from gensweep.space import Stratum
from gensweep.study._ledger import TrialEntry

Key = tuple[tuple[str, Any], ...]


def key_of(values: dict[str, Any], names: Iterable[str]) -> Key:
    """The stratum of a configuration as something hashable."""
    return tuple((name, values[name]) for name in names if name in values)


class TrialQueue:
    """Counts kept up to date by `add` and `requeue`: no question scans the trials that ended."""

    def __init__(self, strata: list[Stratum], names: tuple[str, ...], repeats: int) -> None:
        self._names, self._repeats = names, repeats
        self.strata = {key_of(stratum, names): stratum for stratum in strata}
        self._queued: dict[Key, deque[TrialEntry]] = {key: deque() for key in self.strata}
        self._open: dict[Key, dict[int, list[TrialEntry]]] = {key: {} for key in self.strata}
        self._sizes: Counter[Key] = Counter()

    def key(self, entry: TrialEntry) -> Key:
        """The stratum that the trial belongs to."""
        return key_of(entry.params, self._names)

    def add(self, entry: TrialEntry) -> None:
        """Count a new trial."""
        key = self.key(entry)
        self._sizes[key] += 1
        group = self._open[key].setdefault(entry.group, [])
        group.append(entry)
        if len(group) >= self._repeats:
            del self._open[key][entry.group]

    def requeue(self, entry: TrialEntry) -> None:
        """Hand the trial out again, before new ones."""
        self._queued[self.key(entry)].append(entry)

    def take_queued(self, key: Key) -> TrialEntry | None:
        """The next returned trial of a stratum."""
        queue = self._queued[key]
        while queue:
            entry = queue.popleft()
            if entry.state == "queued":
                return entry
        return None

    def leader(self, key: Key) -> TrialEntry | None:
        """A trial whose parameters are still to be repeated."""
        groups = self._open[key]
        return next(iter(groups.values()))[0] if groups else None

    @property
    def owed(self) -> int:
        """Repeats that open groups still lack."""
        groups = [group for key in self._open for group in self._open[key].values()]
        return sum(self._repeats - len(group) for group in groups)

    def size(self, key: Key) -> int:
        """Trials of a stratum, in whatever state."""
        return self._sizes[key]

    def has_queued(self, key: Key) -> bool:
        """Whether a returned trial waits in the stratum."""
        return any(entry.state == "queued" for entry in self._queued[key])

    def quota(self, key: Key, trials: int) -> int:
        """A stratum's fair share of `trials`, rounded up to whole groups of repeats."""
        shares = -(-trials // (self._repeats * len(self.strata)))
        return shares * self._repeats
