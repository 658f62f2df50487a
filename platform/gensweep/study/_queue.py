"""Chooses what a pack trains next, of which stratum, within its share of the trials."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError
from gensweep.space import Stratum, all_strata
from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudySpec
from gensweep.trial import TrialState

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


class TrialQueue:
    """Queue of trials by stratum: returned trials, then unfinished repeats, then new ones.

    Every answer is O(1) in the number of ended trials, whose counts `add` and `end` keep.
    Not thread-safe: the `Study` in front of it is.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._names, self._repeats = spec.strata, spec.repeats
        self._budget, self._budget_images = spec.budget, spec.budget_images
        strata = all_strata(spec.space, spec.strata)
        self._strata = {key_of(stratum, self._names): stratum for stratum in strata}
        self._returned: dict[Key, deque[TrialEntry]] = {key: deque() for key in self._strata}
        self._groups: dict[Key, dict[int, list[TrialEntry]]] = {key: {} for key in self._strata}
        self._sizes: Counter[Key] = Counter()
        self.total = self.unfinished = self.images = 0
        """Trials that the search has drawn, all that have not ended, and images of the others."""

    # What becomes of trials

    def add(self, entry: TrialEntry) -> None:
        """Count a trial that was drawn, in this session or an earlier one.

        One that confirms a configuration has no part in the search's own shares.
        """
        if not entry.confirm_round:
            self._add_searched(entry)
        if entry.state.ended:
            self.images += entry.images
        else:
            self.unfinished += 1

    def _add_searched(self, entry: TrialEntry) -> None:
        key = self.key(entry)
        self.total += 1
        self._sizes[key] += 1
        group = self._groups[key].setdefault(entry.group, [])
        group.append(entry)
        if len(group) >= self._repeats:
            del self._groups[key][entry.group]

    def requeue(self, entry: TrialEntry) -> None:
        """Hand the trial out again, before new ones."""
        self._returned[self.key(entry)].append(entry)

    def end(self, entry: TrialEntry) -> None:
        """Count an added trial, which had not ended, as ended."""
        self.unfinished -= 1
        self.images += entry.images

    # Strata

    def key(self, entry: TrialEntry) -> Key:
        """The stratum that the trial belongs to."""
        return key_of(entry.params, self._names)

    def find(self, stratum: Stratum) -> Key:
        """The stratum of these choices; `UserError` lists those that there are."""
        key = key_of(stratum, self._names)
        if key not in self._strata:
            known = "; ".join(str(each) for each in self._strata.values())
            raise UserError(f"no stratum {stratum}: choose from {known}.")
        return key

    def stratum(self, entry: TrialEntry) -> Stratum:
        """The choices of the trial's stratum."""
        return dict(self._strata[self.key(entry)])

    def next_stratum(self) -> Stratum | None:
        """The stratum that most needs a pack; None if no stratum has anything to hand out."""
        ready = [key for key in self._strata if self._has_returned(key) or self._may_draw(key)]
        return dict(self._strata[min(ready, key=self._urgency)]) if ready else None

    def _urgency(self, key: Key) -> tuple[bool, bool, int]:
        """Sort key, the most urgent first.

        A trial that was begun comes before any new one, as its checkpoint and its hours are lost
        otherwise if the budget ends; then repeats, without which their group says little; then
        the stratum with the fewest trials, so that shares grow evenly however early a sweep ends.
        """
        return not self._has_returned(key), self._open_group(key) is None, self._sizes[key]

    # What comes next

    def take_next(self, key: Key, draw: Callable[[NewTrial], TrialEntry]) -> TrialEntry | None:
        """Take the stratum's next trial, one that came back before a new one; None: there is none.

        `draw` makes a new trial as it was planned.
        """
        if (returned := self.take_returned(key)) is not None:
            return returned
        if (new := self.plan_new(key)) is None:
            return None
        entry = draw(new)
        self.add(entry)
        return entry

    def take_returned(self, key: Key) -> TrialEntry | None:
        """Remove the stratum's first returned trial from the queue; None if there is none."""
        queue = self._returned[key]
        while queue:
            entry = queue.popleft()
            if entry.state is TrialState.QUEUED:  # else it was cancelled while it waited
                return entry
        return None

    def plan_new(self, key: Key) -> NewTrial | None:
        """The stratum's next trial that is still to be drawn; None if it has had its share."""
        if not self._may_draw(key):
            return None
        if group := self._open_group(key):
            return NewTrial(fixed=group[0].params, group=group[0].group)
        return NewTrial(fixed=dict(self._strata[key]), group=None)

    def _has_returned(self, key: Key) -> bool:
        return any(entry.state is TrialState.QUEUED for entry in self._returned[key])

    def _open_group(self, key: Key) -> list[TrialEntry] | None:
        """Trials of equal parameters that lack repeats."""
        return next(iter(self._groups[key].values()), None)

    def _may_draw(self, key: Key) -> bool:
        """Whether the stratum may have one more trial, within the budget and its own share.

        A new group is opened only if trials are left beyond what the open ones still lack: a
        sweep shall not end in groups that are too small.
        """
        left = self._budget.trials - self.total
        if left <= 0 or not self.images_suffice():
            return False
        if self._open_group(key) is not None:
            return True
        return left > self._lacking() and self._sizes[key] < self._quota()

    def images_suffice(self) -> bool:
        """Tell whether the images suffice for one trial more, if unfinished ones use theirs up."""
        if self._budget.max_images is None:
            return True
        spoken_for = self.images + self.unfinished * self._budget_images
        return spoken_for + self._budget_images <= self._budget.max_images

    def _lacking(self) -> int:
        """Repeats that open groups still lack."""
        groups = [group for key in self._groups for group in self._groups[key].values()]
        return sum(self._repeats - len(group) for group in groups)

    def _quota(self) -> int:
        """A stratum's fair share of all trials, rounded up to whole groups of repeats."""
        shares = -(-self._budget.trials // (self._repeats * len(self._strata)))
        return shares * self._repeats
