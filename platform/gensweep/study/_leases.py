"""Leases: who holds which trials, and who has fallen silent.

Runs in the coordinator's actor, whenever a pack asks for trials or the driver looks after them.
"""

from collections.abc import Callable

from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudyRuntime
from gensweep.trial import Lease, StaleLease, TrialState


class LeaseBook:
    """Keeps who holds which trials, and when each owner was last heard of.

    In memory only: the successor of the process grants anew what the ledger says, if the owners
    live on, or queues all unfinished trials.
    Not thread-safe, and it writes nothing: the `Study` in front of it does both.
    """

    def __init__(self, runtime: StudyRuntime) -> None:
        self._ticks: Callable[[], float] = runtime.ticks
        self._lease_s = runtime.lease_s
        self._heard: dict[str, float] = {}
        self._held: dict[str, dict[int, TrialEntry]] = {}

    def hear(self, owner: str) -> None:
        """Note a sign of life, which keeps the owner's leases."""
        self._heard[owner] = self._ticks()

    def forgive(self, seconds: float) -> None:
        """Count nobody's silence of the last `seconds`, in which nobody was listened to."""
        self._heard = {owner: at + seconds for owner, at in self._heard.items()}

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
        if entry.state is not TrialState.LEASED or entry.owner != lease.owner:
            raise StaleLease(
                f"trial {entry.number} of {lease.owner}: it is now {entry.state}, attempt "
                f"{entry.attempts}."
            )
        if entry.attempts != lease.attempt:
            raise StaleLease(
                f"trial {lease.number}, attempt {lease.attempt} of {lease.owner}: it is now "
                f"attempt {entry.attempts}."
            )
