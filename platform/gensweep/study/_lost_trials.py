"""Decides what becomes of trials that came back unfinished: tried again, tried alone, or failed.

Runs in the coordinator's actor, when a pack has died, has fallen silent or gives its trials back.
"""

from dataclasses import dataclass
from typing import NamedTuple

from gensweep.study._entry import TrialEntry
from gensweep.trial import TrialState

ALONE_AFTER = 2
"""Packs lost with a trial, after which it gets one of its own."""
MAX_KILLED = 10
"""Packs in a row whose processes ended without a word, as by a signal, before their trial fails:
more than of packs that left an error, for it was hardly the trial."""
MAX_HOSTS_LOST = 10
"""Hosts in a row that may be lost with a trial; one more, and it may be the trial that ends them.
"""


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


class Row(NamedTuple):
    """Packs that were lost with a trial since it last got further, by how they ended."""

    errors: int
    """Those that left an error or fell silent."""
    kills: int
    hosts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """The losses of a trial: fields of its `TrialEntry`."""

    lost: int
    hosts: int
    lost_at: int
    errors_in_row: int
    kills_in_row: int
    hosts_in_row: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AfterLoss:
    """The fate of a trial whose lease ended before it did: queued again, or failed."""

    state: TrialState
    cause: str
    losses: Losses


class LossRule:
    """Gives a trial `max_attempts` packs in a row before it counts as failed.

    Packs that were killed, or went with their host, are counted apart, and forgiven more often. One
    that was evaluated between two losses did not die of what it met before: they are of two rows.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._last = Row(max_attempts, max(max_attempts, MAX_KILLED), MAX_HOSTS_LOST + 1)

    def must_run_alone(self, entry: TrialEntry) -> bool:
        """Return whether the trial is suspected of the losses.

        A pack dies with all of its trials, and which of them it died of is not known. The suspect
        gets a pack of its own: either it is cleared, or it takes no other trial with it.
        """
        errors, kills, hosts = _in_row(entry)
        suspect = max(1, min(ALONE_AFTER, self._max_attempts - 1))
        return errors + kills >= suspect or hosts >= MAX_HOSTS_LOST

    def after_loss(self, entry: TrialEntry, loss: Loss) -> AfterLoss:
        """Decide whether a trial that came back goes to the queue, or was lost too often."""
        before = _in_row(entry)
        row = Row(
            errors=before.errors + loss.packs * (not loss.is_killed),
            kills=before.kills + loss.packs * loss.is_killed,
            hosts=before.hosts + loss.hosts,
        )
        losses = Losses(
            lost=entry.lost + loss.packs, hosts=entry.hosts + loss.hosts, lost_at=entry.images,
            errors_in_row=row.errors, kills_in_row=row.kills, hosts_in_row=row.hosts,
        )  # fmt: skip
        ways = zip(row, before, self._last, strict=True)
        if not any(count > former and count >= most for count, former, most in ways):
            return AfterLoss(state=TrialState.QUEUED, cause="", losses=losses)
        by = f", the last by {loss.cause}" if loss.cause else ""
        cause = f"lost {losses.lost + losses.hosts} times{by}"
        return AfterLoss(state=TrialState.FAILED, cause=cause, losses=losses)


def _in_row(entry: TrialEntry) -> Row:
    """Count the packs lost with the trial since it last got further."""
    if entry.images > entry.lost_at:
        return Row(errors=0, kills=0, hosts=0)
    return Row(entry.errors_in_row, entry.kills_in_row, entry.hosts_in_row)
