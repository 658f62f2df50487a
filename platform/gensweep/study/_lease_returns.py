"""Takes leases back from owners that died, fell silent or give them up.

Runs in the coordinator's actor, whenever a pack asks for trials or the driver tells of an end.
"""

from dataclasses import asdict

from gensweep.study._entry import TrialEntry
from gensweep.study._lost_trials import Loss, LossRule
from gensweep.study._study_parts import StudyParts
from gensweep.study._trial_ends import TrialEnds


class LeaseReturns:
    """Lets a trial whose lease ends wait for another owner, or ends it as failed."""

    def __init__(self, parts: StudyParts, ends: TrialEnds, losses: LossRule) -> None:
        self._ledger, self._leases, self._queue = parts.ledger, parts.leases, parts.queue
        self._spending, self._ends, self._losses = parts.spending, ends, losses

    def expire(self) -> list[int]:
        """Take back the leases of silent owners; numbers of those trials."""
        silent = self._leases.silent_owners()
        return [number for owner in silent for number in self.take_back(owner, Loss(packs=1))]

    def take_back(self, owner: str, loss: Loss) -> list[int]:
        """End the owner's leases; numbers of those trials."""
        self._spending.forget(owner)
        entries = self._leases.held(owner)
        for entry in entries:
            self.take_back_one(entry, loss)
        self._leases.forget(owner)
        return [entry.number for entry in entries]

    def take_back_one(self, entry: TrialEntry, loss: Loss) -> None:
        """End the trial's lease."""
        owner, after = entry.owner, self._losses.after_loss(entry, loss)
        losses = asdict(after.losses)
        if after.state.ended:
            self._ends.end(entry, after.state, after.cause, **losses)
            return
        self._ledger.change(entry, state=after.state, owner="", **losses)
        self._leases.drop(owner, entry.number)
        self._queue.requeue(entry)
