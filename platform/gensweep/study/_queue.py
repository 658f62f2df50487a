"""Chooses what a pack trains next, of which stratum."""

from collections import deque
from collections.abc import Callable

from gensweep.errors import UserError
from gensweep.space import Stratum, all_strata
from gensweep.study._entry import TrialEntry
from gensweep.study._new_trials import Key, ListedTrials, NewTrial, NewTrials, SharedTrials, key_of
from gensweep.study._study_spec import StudySpec
from gensweep.trial import TrialState


class TrialQueue:
    """Queue of trials by stratum: those that came back, those that were drawn already, new ones.

    Every answer is O(1) in the number of ended trials, whose counts `add` and `end` keep.
    Not thread-safe: the `Study` in front of it is.
    """

    def __init__(self, spec: StudySpec, *, by_number: bool = False) -> None:
        """Queue what the spec asks; `by_number`: from its fixed list of configurations."""
        self._names = spec.strata
        self._budget, self._budget_images = spec.budget, spec.budget_images
        strata = all_strata(spec.space, spec.strata)
        self._strata = {key_of(stratum, self._names): stratum for stratum in strata}
        listed = spec.configurations() if by_number else None
        self._new: NewTrials = (
            SharedTrials(spec, self._strata) if listed is None
            else ListedTrials(spec, self._strata, listed)
        )  # fmt: skip
        self._returned: dict[Key, deque[TrialEntry]] = {key: deque() for key in self._strata}
        self._drawn: dict[Key, deque[TrialEntry]] = {key: deque() for key in self._strata}
        self.unfinished = self.images = 0
        """Trials that have not ended, and images of the others."""

    @property
    def total(self) -> int:
        """Trials that the search has drawn."""
        return self._new.total

    # What becomes of trials

    def add(self, entry: TrialEntry) -> None:
        """Count a trial that was drawn, in this session or an earlier one.

        One that confirms a configuration has no part in the search's own shares.
        """
        if not entry.confirm_round:
            self._new.add(entry, self.key(entry))
        if entry.state.ended:
            self.images += entry.images
        else:
            self.unfinished += 1

    def requeue(self, entry: TrialEntry) -> None:
        """Hand the trial out before new ones are drawn, and again before those never begun."""
        (self._returned if entry.attempts else self._drawn)[self.key(entry)].append(entry)

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
        ready = [key for key in self._strata if self._has_trial(key)]
        return dict(self._strata[min(ready, key=self._urgency)]) if ready else None

    def _has_trial(self, key: Key) -> bool:
        waits = _first_queued(self._returned[key]) or _first_queued(self._drawn[key])
        return waits is not None or self._may_draw(key)

    def _urgency(self, key: Key) -> tuple[bool, tuple[int, ...]]:
        """Sort key, the most urgent first.

        A trial that was begun comes before any other, as its checkpoint and its hours are lost
        otherwise if the budget ends.
        """
        is_new = _first_queued(self._returned[key]) is None
        return is_new, self._new.urgency(key, _first_queued(self._drawn[key]))

    # What comes next

    def take_next(self, key: Key, draw: Callable[[NewTrial], TrialEntry]) -> TrialEntry | None:
        """Take the stratum's next trial, one that came back before a new one; None: there is none.

        `draw` makes a new trial as it was planned; those of other strata wait for these.
        """
        if (waiting := self.take_waiting(key)) is not None:
            return waiting
        while self._may_draw(key):
            entry = draw(self._new.plan(key))
            self.add(entry)
            if self.key(entry) == key:
                return entry
            self.requeue(entry)
        return None

    def take_waiting(self, key: Key) -> TrialEntry | None:
        """Remove the first trial that waits from the stratum's queue; None if there is none."""
        for queue in (self._returned[key], self._drawn[key]):
            while queue:
                entry = queue.popleft()
                if entry.state is TrialState.QUEUED:  # else it was cancelled while it waited
                    return entry
        return None

    def _may_draw(self, key: Key) -> bool:
        """Return whether the stratum may have one more trial, within all limits."""
        return self.images_suffice() and self._new.has_next(key)

    def images_suffice(self) -> bool:
        """Tell whether the images suffice for one trial more, if unfinished ones use theirs up."""
        if self._budget.max_images is None:
            return True
        spoken_for = self.images + self.unfinished * self._budget_images
        return spoken_for + self._budget_images <= self._budget.max_images


def _first_queued(queue: deque[TrialEntry]) -> TrialEntry | None:
    return next((entry for entry in queue if entry.state is TrialState.QUEUED), None)
