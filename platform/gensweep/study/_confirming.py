"""Plans the trials that confirm a search's best configurations, round by round."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudySpec
from gensweep.trial import TrialView


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmingTrial:
    """A trial of a round that is still to be drawn."""

    fixed: dict[str, Any]
    group: int
    confirm_round: int


class Confirming:
    """Tells what a study draws after its search, from what has ended alone.

    A round is planned anew from the results before it, so that one whose drawing was cut short is
    completed as it would have been, in the same order: numbers and seeds are the same.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._confirm, self._objective = spec.confirm, spec.objective
        self.is_complete = spec.confirm is None
        """Whether nothing is left to draw."""

    def next_trials(self, entries: Collection[TrialEntry]) -> Iterator[ConfirmingTrial]:
        """Plan what lacks in the latest round, or else the next one; all `entries` have ended."""
        if self._confirm is None or self.is_complete:
            return
        latest = max((entry.confirm_round for entry in entries), default=0)
        for number in range(max(1, latest), latest + 2):
            if groups := self._missing(number, entries):
                params = {entry.group: entry.params for entry in entries}
                for group in groups:
                    yield ConfirmingTrial(
                        fixed=dict(params[group]), group=group, confirm_round=number
                    )
                return
        self.is_complete = True

    def _missing(self, number: int, entries: Collection[TrialEntry]) -> list[int]:
        """The groups of a round of which a trial is still to be drawn, in their order."""
        assert self._confirm is not None
        before = [_view(entry) for entry in entries if entry.confirm_round < number]
        drawn = Counter(entry.group for entry in entries if entry.confirm_round == number)
        planned, missing = self._confirm.next_round(self._objective, before), []
        left = max(0, len(planned) - drawn.total())  # a former version may have planned others
        for group in planned:
            if drawn[group]:
                drawn[group] -= 1
            else:
                missing.append(group)
        return missing[:left]


def _view(entry: TrialEntry) -> TrialView:
    """What a ranking asks of a trial."""
    return cast(TrialView, {"group": entry.group, "confirm_round": entry.confirm_round,
                            "state": entry.state, "metrics": entry.metrics})  # fmt: skip
