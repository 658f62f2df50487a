"""Hands trials to packs as leases, and takes back those of packs that fell silent.

Runs in the coordinator's actor.
"""

import logging
from collections.abc import Collection, Mapping

from gensweep.budget import StopReason
from gensweep.coordinator._coordinator_parts import CoordinatorParts
from gensweep.coordinator._study_opening import LEASE_S
from gensweep.trial import Lease, LeaseId

_log = logging.getLogger(__name__)
GO_ON = (None, StopReason.TRIALS, StopReason.IMAGES)
"""Running trials are finished after these."""
BEATS_PER_S = 100
"""Heartbeats of all packs together; in a larger sweep each comes less often."""


class PackLeases:
    """Answers packs that ask for trials, or whether to go on with those that they have."""

    def __init__(self, parts: CoordinatorParts) -> None:
        self._study, self._recorder, self._memory = parts.study, parts.recorder, parts.memory
        self._results, self._hang_watch = parts.results, parts.hang_watch

    def lease(
        self,
        owner: str,
        count: int,
        stratum: Mapping[str, object] | None,
        known: Collection[LeaseId] | None,
    ) -> list[Lease]:
        """Hand out up to `count` trials of one stratum, unless the pack is to stop."""
        self._hang_watch.hear(owner)
        self.expire()
        if not self._is_wanted(owner):
            return []
        packs = self._memory.state.packs
        if owner not in packs.begun:
            with self._memory.change():
                packs.begun[owner] = True
        wanted = None if stratum is None else dict(stratum)
        leases = self._study.lease(owner, count, wanted, known)
        for lease in leases:
            self._recorder.begin_trial(lease)
        if leases:
            _log.debug("%s leases trials %s", owner, [lease.number for lease in leases])
        return leases

    def heartbeat(self, owner: str, seen: Mapping[int, int]) -> float | None:
        """Keep the pack's leases; return after how many seconds it may come again, or None."""
        self._memory.note_alive()
        self.hear(owner)
        self._results.see(owner, seen)
        if not self._is_wanted(owner) or self._study.stop_reason() not in GO_ON:
            return None
        return min(len(self._memory.state.packs.begun) / BEATS_PER_S, LEASE_S / 5)

    def hear(self, owner: str) -> None:
        """Keep the pack's leases."""
        self._hang_watch.hear(owner)
        self._study.heartbeat(owner)

    def _is_wanted(self, owner: str) -> bool:
        state = self._memory.state
        return not state.is_stopping and owner not in state.packs.ended

    def expire(self) -> None:
        """Take back the leases of packs that fell silent, and end what was pruned meanwhile."""
        # A call that waited, as for room on a full disk, has kept all packs from being heard.
        if deaf := self._hang_watch.listen():
            self._study.forgive(deaf)
        for number in self._study.expire():
            self._results.record_if_ended(number)
        self._results.end_pruned()

    def has_waiting(self) -> bool | None:
        """Return whether a trial waits for a lane; None once nothing more will be handed out."""
        self.expire()
        if self._memory.state.is_stopping or self._study.stop_reason() is not None:
            return None
        return self._study.next_stratum() is not None
