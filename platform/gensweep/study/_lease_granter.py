"""Hands out trials as leases, and tells when there are none left.

Runs in the coordinator's actor, when a pack asks for trials.
"""

from collections.abc import Collection
from typing import Any

from gensweep.budget import StopReason
from gensweep.space import Stratum
from gensweep.study._confirming_rounds import ConfirmingRounds
from gensweep.study._entry import TrialEntry
from gensweep.study._lost_trials import LossRule
from gensweep.study._new_trials import Key, NewTrial
from gensweep.study._study_parts import StudyParts
from gensweep.trial import Lease, LeaseId, TrialState


class LeaseGranter:
    """Chooses the trials that an owner gets, and notes in ledger and leases that it has them."""

    def __init__(self, parts: StudyParts, confirming: ConfirmingRounds, losses: LossRule) -> None:
        self._ledger, self._leases, self._queue = parts.ledger, parts.leases, parts.queue
        self._waiting, self._spending, self._clock = (
            parts.waiting, parts.spending, parts.runtime.clock
        )  # fmt: skip
        self._trials, self._confirming, self._losses = parts.spec.budget.trials, confirming, losses
        self._is_cancelled = False

    def lease(
        self,
        owner: str,
        count: int,
        stratum: Stratum | None,
        known: Collection[LeaseId] | None,
    ) -> list[Lease]:
        """Lease up to `count` trials, those first that the owner holds besides `known`."""
        self._confirm()
        unheard = self._unheard(owner, known)[:count]
        if unheard:  # what is left of the answer is of their stratum
            stratum = unheard[0].stratum
        elif stratum is None:
            stratum = self.next_stratum()
        if stratum is None:
            return []
        self._leases.hear(owner)
        new = self._fill(owner, count - len(unheard), self._queue.find(stratum))
        return [*unheard, *new]

    def _unheard(self, owner: str, known: Collection[LeaseId] | None) -> list[Lease]:
        """Leases of the owner that are not among those it knows of; None: it knows of all."""
        if known is None:
            return []
        held = self._leases.held(owner)
        return [
            self.lease_of(entry) for entry in held if (entry.number, entry.attempts) not in known
        ]

    def _fill(self, owner: str, count: int, key: Key) -> list[Lease]:
        """Lease trials of a stratum to the owner, but a suspect only to an owner of nothing else.

        A suspect that does not come first goes back into the queue, where it waits for an empty
        pack; the trials behind it fill this one.
        """
        held = self._leases.held(owner)
        if any(map(self._losses.must_run_alone, held)):
            return []
        leases: list[Lease] = []
        aside: list[TrialEntry] = []
        while len(leases) < count and (entry := self._next(key)) is not None:
            alone = self._losses.must_run_alone(entry)
            if alone and (leases or held):
                aside.append(entry)
                continue
            leases.append(self._hand_out(entry, owner))
            if alone:
                break
        for entry in aside:  # after the loop, which would meet them again
            self._queue.requeue(entry)
        return leases

    def _next(self, key: Key) -> TrialEntry | None:
        """Take the stratum's next trial, drawing it if none waits; None if there is none."""
        return None if self._stopped() else self._queue.take_next(key, self._draw)

    def _draw(self, new: NewTrial) -> TrialEntry:
        entry = self._ledger.ask(new.fixed, new.group)
        self._waiting.add(entry)
        return entry

    def _hand_out(self, entry: TrialEntry, owner: str) -> Lease:
        started = entry.started if entry.started is not None else self._clock()
        left: dict[str, Any] = {"waits_at": 0, "result": {}} if entry.waits_at else {}
        self._ledger.change(entry, state=TrialState.LEASED, owner=owner, started=started,
                            attempts=entry.attempts + 1, **left)  # fmt: skip
        self._leases.grant(entry)
        return self.lease_of(entry)

    def lease_of(self, entry: TrialEntry) -> Lease:
        """Describe the lease under which a trial is held, to its owner."""
        return Lease(
            number=entry.number,
            owner=entry.owner,
            attempt=entry.attempts,
            params=dict(entry.params),
            seed=entry.seed,
            group=entry.group,
            confirm_round=entry.confirm_round,
            images=entry.images,
            checkpoint=entry.checkpoint,
            stratum=self._queue.stratum(entry),
        )

    def next_stratum(self) -> Stratum | None:
        """Choose the stratum that most needs a pack; None if none has anything to hand out."""
        self._confirm()
        if self._stopped():
            return None
        found = self._queue.next_stratum()
        # Nothing is left to draw and nobody trains: those that wait are all that will come.
        if found is None and not self._ledger.counts[TrialState.LEASED]:
            found = self._queue.next_stratum() if self._waiting.close() else None
        return found

    def stop_reason(self) -> StopReason | None:
        """Tell what ended the handing out; None: there is something to hand out or wait for."""
        if stopped := self._stopped():
            return stopped
        self._confirm()
        if self._queue.unfinished:
            return None
        if self._queue.total >= self._trials and self._confirming.is_complete:
            return StopReason.TRIALS
        return None if self._queue.next_stratum() is not None else StopReason.IMAGES

    def cancel(self) -> None:
        """Lease nothing from now on."""
        self._is_cancelled = True

    def _stopped(self) -> StopReason | None:
        return StopReason.CANCELLED if self._is_cancelled else self._spending.reason_to_stop()

    def _confirm(self) -> None:
        """Queue the next round of confirming trials, if it is due."""
        if self._confirming.is_due and not self._stopped():
            self._confirming.queue_next()
