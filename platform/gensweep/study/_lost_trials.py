"""Decides what becomes of trials that came back unfinished: tried again, tried alone, or failed.

Runs in the coordinator's actor, when a pack has died, has fallen silent or gives its trials back.
"""

from dataclasses import dataclass

from gensweep.study._entry import TrialEntry
from gensweep.trial import TrialState

MAX_HOSTS_LOST = 10
"""Hosts that may be lost with a trial on them; one more, and it may be the trial that ends them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """The loss by which a trial came back unfinished.

    A trial that was given back has no loss in it.
    """

    packs: int = 0
    hosts: int = 0
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AfterLoss:
    """The fate of a trial whose lease ended before it did: queued again, or failed."""

    state: TrialState
    cause: str
    lost: int
    """Packs that died with the trial, or fell silent."""
    hosts: int
    """Hosts that were lost with it."""


class LossRule:
    """Gives a trial `max_attempts` packs, and a few hosts more, before it counts as failed."""

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts

    def must_run_alone(self, entry: TrialEntry) -> bool:
        """Return whether the next loss of the trial would be its last.

        A pack dies with all of its trials, and which of them it died of is not known. The suspect
        gets a pack of its own: either it is cleared, or it takes no other trial with it.
        """
        return entry.lost >= max(1, self._max_attempts - 1) or entry.hosts >= MAX_HOSTS_LOST

    def after_loss(self, entry: TrialEntry, loss: Loss) -> AfterLoss:
        """Decide whether a trial that came back goes to the queue, or was lost too often."""
        lost, hosts = entry.lost + loss.packs, entry.hosts + loss.hosts
        if lost < self._max_attempts and hosts <= MAX_HOSTS_LOST:
            return AfterLoss(state=TrialState.QUEUED, cause="", lost=lost, hosts=hosts)
        cause = f"lost {lost + hosts} times" + (f", the last by {loss.cause}" if loss.cause else "")
        return AfterLoss(state=TrialState.FAILED, cause=cause, lost=lost, hosts=hosts)
