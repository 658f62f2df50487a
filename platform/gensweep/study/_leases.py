"""Leases: who holds which trials, who has fallen silent, and whether a lost trial is tried again.

Runs in the coordinator's actor, whenever a pack asks for trials or the driver looks after them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudyRuntime
from gensweep.trial import Lease, StaleLease, TrialState

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


class LeaseBook:
    """Keeps who holds which trials, and when each owner was last heard of.

    In memory only: leases end with the process, whose successor queues all unfinished trials.
    Not thread-safe, and it writes nothing: the `Study` in front of it does both.
    """

    def __init__(self, runtime: StudyRuntime) -> None:
        self._ticks: Callable[[], float] = runtime.ticks
        self._lease_s, self._max_attempts = runtime.lease_s, runtime.max_attempts
        self._heard: dict[str, float] = {}
        self._held: dict[str, dict[int, TrialEntry]] = {}

    def hear(self, owner: str) -> None:
        """Note a sign of life, which keeps the owner's leases."""
        self._heard[owner] = self._ticks()

    def silent_owners(self) -> list[str]:
        """Owners that were not heard of for longer than a lease lasts."""
        now = self._ticks()
        return [owner for owner, at in self._heard.items() if now - at > self._lease_s]

    def owners(self) -> list[str]:
        """Owners that were given a trial and are not forgotten."""
        return list(self._held)

    def grant(self, entry: TrialEntry) -> None:
        """Note that the entry's owner holds it."""
        self._held.setdefault(entry.owner, {})[entry.number] = entry

    def held(self, owner: str) -> list[TrialEntry]:
        """The trials that an owner holds, by number."""
        held = self._held.get(owner, {})
        return [held[number] for number in sorted(held)]

    def drop(self, owner: str, number: int) -> None:
        """Note that the owner holds the trial no longer."""
        self._held.get(owner, {}).pop(number, None)

    def forget(self, owner: str) -> None:
        """Drop an owner, its trials and its last sign of life."""
        self._heard.pop(owner, None)
        self._held.pop(owner, None)

    def check(self, lease: Lease, entry: TrialEntry) -> None:
        """Raise `StaleLease` unless the lease is the one under which the trial is held now.

        The attempt fences off an owner that lost the trial and got it anew.
        """
        self.check_owner(lease.owner, entry)
        if entry.attempts != lease.attempt:
            raise StaleLease(
                f"trial {lease.number}, attempt {lease.attempt} of {lease.owner}: it is now "
                f"attempt {entry.attempts}."
            )

    def check_owner(self, owner: str, entry: TrialEntry) -> None:
        """Raise `StaleLease` unless the owner holds the trial."""
        if entry.state is not TrialState.LEASED or entry.owner != owner:
            raise StaleLease(
                f"trial {entry.number} of {owner}: it is now {entry.state}, attempt "
                f"{entry.attempts}."
            )

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
