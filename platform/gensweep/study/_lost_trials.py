"""Decides what becomes of trials that came back unfinished: tried again, tried alone, or failed.

Runs in the coordinator's actor, when a pack has died, has fallen silent or gives its trials back.
"""

from dataclasses import dataclass

from gensweep.study._entry import TrialEntry
from gensweep.trial import TrialState

ALONE_AFTER = 2
"""Packs lost with a trial, after which it gets one of its own."""
MAX_KILLED = 10
"""Packs in a row whose processes ended without a word, as by a signal, before their trial fails:
more than of packs that left an error, for it was hardly the trial."""
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
    is_killed: bool = False
    """Whether the process of the pack ended without leaving an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AfterLoss:
    """The fate of a trial whose lease ended before it did: queued again, or failed."""

    state: TrialState
    cause: str
    lost: int
    """Packs that died with the trial, or fell silent, since it last got further."""
    lost_at: int
    """Images that it had seen then."""
    hosts: int
    """Hosts that were lost with it."""


class LossRule:
    """Gives a trial `max_attempts` packs in a row before it counts as failed.

    The loss of a pack that was killed, or went with its host, is forgiven more often. One that was
    evaluated between two losses did not die of what it met before: they are of two rows.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts

    def must_run_alone(self, entry: TrialEntry) -> bool:
        """Return whether the trial is suspected of the losses.

        A pack dies with all of its trials, and which of them it died of is not known. The suspect
        gets a pack of its own: either it is cleared, or it takes no other trial with it.
        """
        suspect = max(1, min(ALONE_AFTER, self._max_attempts - 1))
        return _in_a_row(entry) >= suspect or entry.hosts >= MAX_HOSTS_LOST

    def after_loss(self, entry: TrialEntry, loss: Loss) -> AfterLoss:
        """Decide whether a trial that came back goes to the queue, or was lost too often."""
        lost, hosts = _in_a_row(entry) + loss.packs, entry.hosts + loss.hosts
        state, cause = TrialState.QUEUED, ""
        most = max(self._max_attempts, MAX_KILLED) if loss.is_killed else self._max_attempts
        if (loss.packs and lost >= most) or hosts > MAX_HOSTS_LOST:
            state, by = TrialState.FAILED, f", the last by {loss.cause}" if loss.cause else ""
            cause = f"lost {lost + hosts} times{by}"
        return AfterLoss(state=state, cause=cause, lost=lost, lost_at=entry.images, hosts=hosts)


def _in_a_row(entry: TrialEntry) -> int:
    """Count the packs lost with the trial since it last got further."""
    return entry.lost if entry.images <= entry.lost_at else 0
