"""Ends packs: those that hang, those that died, and those that are done.

Runs in the coordinator's actor, as the driver tells of the packs that it started.
"""

import logging

from gensweep.coordinator._coordinator_parts import CoordinatorParts
from gensweep.coordinator._hang_watch import CAUSE
from gensweep.coordinator._pack_status import UNKNOWN, PackStatus
from gensweep.trial import TrialState

_log = logging.getLogger(__name__)


class PackEnds:
    """Finds out why packs end, and lets their trials wait for others."""

    def __init__(self, parts: CoordinatorParts) -> None:
        self._study, self._recorder, self._memory = parts.study, parts.recorder, parts.memory
        self._results, self._hang_watch = parts.results, parts.hang_watch

    def hung_packs(self) -> list[str]:
        """Tell the actors of packs that hang; that is what they will have died of."""
        packs = self._memory.state.packs
        hung = [o for o in self._hang_watch.hung(packs.begun) if o in packs.actors]
        if any(packs.errors.get(owner) != CAUSE for owner in hung):
            with self._memory.change():
                packs.errors |= dict.fromkeys(hung, CAUSE)
        return [packs.actors[owner] for owner in hung]

    def record_error(self, owner: str, traceback: str) -> None:
        """Keep the traceback that ends the pack, with each of its trials."""
        with self._memory.change() as state:
            state.packs.record_error(owner, traceback)
        numbers = [number for number, _ in self._study.held(owner)]
        self._recorder.record_error(numbers, traceback)

    def status(self, owner: str) -> PackStatus:
        """Tell what is known of the pack, and how much is recorded of all trials."""
        trials = self._study.ranked()
        failed = sum(trial.state is TrialState.FAILED for trial in trials)
        recorded = sum(trial.images + trial.state.ended for trial in trials) - failed
        return self._memory.state.packs.status(
            owner, recorded=recorded, failed=failed, is_suspect=self._study.holds_suspect(owner)
        )

    def end(self, owner: str, *, died: bool, host_lost: bool) -> None:
        """Let the trials of an ended pack wait for another, or fail if packs keep dying of them."""
        packs = self._memory.state.packs
        if owner in packs.ended:
            return
        cause = packs.cause(owner, host_lost=host_lost) if died else ""
        _log.debug("%s ends%s", owner, f": it died of {cause}" if died else "")
        if died:
            killed = cause == UNKNOWN
            for number in self._study.fail_owner(owner, cause, host=host_lost, killed=killed):
                self._results.record_if_ended(number)
        else:
            self._study.release(owner)
        self._results.end_pruned()
        with self._memory.change() as state:
            state.packs.end(owner, cause)
            state.notes += [f"a pack died of {cause}"] * died
