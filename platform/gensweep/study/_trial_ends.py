"""Ends trials: in the ledger, for who holds them, and for the others of their cohort.

Runs in the coordinator's actor, when packs tell of ends, die, or the sweep is cancelled.
"""

from typing import Any

from gensweep.study._entry import TrialEntry
from gensweep.study._study_parts import StudyParts
from gensweep.trial import StoredResult, TrialState


class TrialEnds:
    """Ends trials for good, whoever holds them."""

    def __init__(self, parts: StudyParts) -> None:
        self._ledger, self._leases, self._queue = parts.ledger, parts.leases, parts.queue
        self._waiting, self._spending = parts.waiting, parts.spending
        self._clock = parts.runtime.clock

    def end(self, entry: TrialEntry, state: TrialState, cause: str, **changes: Any) -> None:
        """End a trial that has not ended, with these `changes` of its entry."""
        owner = entry.owner
        changes |= {"state": state, "cause": cause, "owner": "", "ended": self._clock()}
        self._ledger.change(entry, **changes)
        self._leases.drop(owner, entry.number)
        self._queue.end(entry)
        self._waiting.judge(entry)
        self._spending.save(self._ledger.remember)

    def prune(self, entry: TrialEntry, cause: str) -> None:
        """End a trial that waits, with what it left when it was set aside."""
        result: StoredResult = {**entry.result, "outcome": TrialState.PRUNED}
        self.end(entry, TrialState.PRUNED, cause, result=result)

    def cancel_all(self, cause: str) -> None:
        """End all trials that have not ended."""
        for entry in self._ledger.entries.values():
            if not entry.state.ended:
                self.end(entry, TrialState.CANCELLED, cause)
