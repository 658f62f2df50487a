"""Queues the trials that confirm a search's best configurations, round by round.

Runs in the coordinator's actor, when a pack asks for trials or the driver for the sweep's end.
"""

from gensweep.study._confirming import Confirming
from gensweep.study._study_parts import StudyParts


class ConfirmingRounds:
    """Draws what `Confirming` plans, once all trials before it have ended."""

    def __init__(self, parts: StudyParts) -> None:
        spec = parts.spec
        self._ledger, self._queue = parts.ledger, parts.queue
        self._plan, self._searched = Confirming(spec), spec.budget.trials
        drawn = sum(entry.confirm_round > 0 for entry in self._ledger.entries.values())
        self._note(spec.confirm.trials if spec.confirm else drawn)

    def _note(self, trials: int) -> None:
        """Keep how many confirming trials there will be."""
        self.trials = trials
        self._ledger.remember("confirming_trials", trials)

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left to draw."""
        return self._plan.is_complete

    @property
    def is_due(self) -> bool:
        """Return whether a round is left to draw, and all trials before it have ended."""
        ended = self._queue.total >= self._searched and not self._queue.unfinished
        return ended and not self._plan.is_complete

    def queue_next(self) -> None:
        """Draw the round that is due, as far as the images suffice."""
        entries = [entry for _, entry in sorted(self._ledger.entries.items())]
        for new in self._plan.next_trials(entries):
            if not self._queue.images_suffice():
                return
            entry = self._ledger.ask(new.fixed, new.group, new.confirm_round)
            self._queue.add(entry)
            self._queue.requeue(entry)
        if self._plan.is_complete:  # with fewer, if fewer configurations are ranked
            self._note(sum(entry.confirm_round > 0 for entry in entries))
