"""The study: the only part that decides which trial runs, goes on, or has ended."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gensweep.budget import StopReason
from gensweep.space import Stratum
from gensweep.study._end import ResolvedEnd, resolve
from gensweep.study._entry import TrialEntry
from gensweep.study._lease_granter import LeaseGranter
from gensweep.study._lost_trials import Loss
from gensweep.study._open import OpenedStudy
from gensweep.study._rung_reports import RungReports
from gensweep.study._study_session import StudySession
from gensweep.study._study_spec import StudyRuntime, StudySpec
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    StoredResult,
    TrialState,
    Verdict,
)


class Study(StudySession):
    """Hands out trials as leases, and keeps what became of them.

    Every method may be called from any thread. Every change is on disk when its method returns,
    so the process may be killed at any time: reopened, trials that had been running are queued
    again with their last checkpoint (or are still held by those who trained them, if they live on:
    `StudyRuntime.keep_leases`), and ended ones stay ended.
    """

    def __init__(self, opened: OpenedStudy, spec: StudySpec, runtime: StudyRuntime) -> None:
        super().__init__(opened, spec, runtime)
        self._granter = LeaseGranter(self._parts, self._confirming, self._losses)
        self._reports, self._waiting = RungReports(self._parts), self._parts.waiting

    # Leases

    def lease(
        self,
        owner: str,
        count: int,
        stratum: Stratum | None = None,
        known: Collection[LeaseId] | None = None,
    ) -> list[Lease]:
        """Lease up to `count` trials of a stratum: returned ones, then repeats, then new ones.

        A trial that was lost so often that once more ends it comes alone, lest others fail with
        it. Without `stratum` the one of `next_stratum` is taken. An empty list says that this
        stratum has nothing to do now: its share of the trials is used up, or the budget is.

        `known` are numbers and attempts of the leases that the owner knows it holds. Those that it
        holds besides were in an answer that never came: they come first, as they were.
        """
        with self._transaction:
            self.expire()
            return self._granter.lease(owner, count, stratum, known)

    def next_stratum(self) -> Stratum | None:
        """Choose the stratum that most needs a pack; None if none has anything to hand out."""
        with self._transaction:
            return self._granter.next_stratum()

    def heartbeat(self, owner: str) -> None:
        """Keep the owner's leases."""
        with self._transaction:
            self._leases.hear(owner)
            self._spending.hear(owner)
            self._spending.save(self._ledger.remember)

    def expire(self) -> list[int]:
        """Take back the leases of owners not heard of for `lease_s`; numbers of those trials."""
        with self._transaction:
            lost = self._returns.expire()
            self._spending.save(self._ledger.remember)
            return lost

    def release(self, owner: str) -> list[int]:
        """Give the owner's trials back to the queue; not counted against them."""
        with self._transaction:
            return self._returns.take_back(owner, Loss())

    def fail_owner(
        self, owner: str, cause: str = "", *, host: bool = False, killed: bool = False
    ) -> list[int]:
        """Do what `expire` does, at once, for an owner known to have died of `cause`.

        One that was lost with its `host`, or `killed`, hardly died of its trials: each outlives
        several.
        """
        loss = Loss(packs=not host, hosts=host, cause=cause, is_killed=killed)
        with self._transaction:
            return self._returns.take_back(owner, loss)

    def held(self, owner: str) -> list[LeaseId]:
        """Numbers and attempts of the trials that the owner holds."""
        with self._transaction:
            return [(entry.number, entry.attempts) for entry in self._leases.held(owner)]

    def holds_suspect(self, owner: str) -> bool:
        """Tell whether the owner has one trial alone, as others have died with that one."""
        with self._transaction:
            return any(map(self._losses.must_run_alone, self._leases.held(owner)))

    def lease_of(self, owner: str, number: int, attempt: int | None = None) -> Lease:
        """The owner's lease of the trial; `StaleLease` if others have it, or if it has ended.

        With `attempt` it must be the lease of that attempt: the owner may have lost the trial and
        got it anew.
        """
        with self._transaction:
            entry = self._ledger.entries[number]
            told = entry.attempts if attempt is None else attempt
            lease = replace(self._granter.lease_of(entry), owner=owner, attempt=told)
            self._leases.check(lease, entry)
            return lease

    def _held_entry(self, lease: Lease) -> TrialEntry:
        entry = self._ledger.entries[lease.number]
        self._leases.check(lease, entry)
        self._leases.hear(lease.owner)
        return entry

    # Trials

    def report(self, lease: Lease, images: int, metrics: Mapping[str, float],
               rung: int | None = None) -> Verdict:  # fmt: skip
        """Keep what the trial measured after `images` images, and say whether to go on.

        Pruners compare trials at the same `rung`, in images; None: at `images`. A trial that is to
        wait for its cohort is given back by `set_aside`.
        """
        with self._transaction:
            at = int(images if rung is None else rung)
            return self._reports.report(self._held_entry(lease), int(images), metrics, at)

    def measure(self, lease: Lease, rung: int, metrics: Mapping[str, float]) -> None:
        """Keep the objective at the rung where the trial ends: others are compared with it.

        Its other metrics are kept by `finish`, so that an end is written once.
        """
        with self._transaction:
            self._reports.measure(self._held_entry(lease), rung, metrics)

    def peers(self, lease: Lease, rung: int) -> dict[int, float]:
        """Read the objective at `rung` of all trials of the stratum that came there, by number."""
        with self._transaction:
            return self._reports.peers(self._held_entry(lease), rung)

    def set_aside(self, lease: Lease, rung: int, result: StoredResult) -> None:
        """Let the trial wait for its cohort at the rung that it reported, out of its lane.

        It goes on from what it `kept`, in another lane, or ends with the rest of the `result`.
        """
        with self._transaction:
            entry = self._held_entry(lease)
            self._waiting.set_aside(entry, rung, result)
            self._leases.drop(lease.owner, entry.number)

    def to_prune(self) -> dict[int, str]:
        """Name the trials that wait and are to end by their cohort's verdict, each with the cause.

        What stands elsewhere about the end is written before `prune` ends one.
        """
        with self._transaction:
            return {e.number: f"stopped at {e.images:,} images" for e in self._waiting.to_prune()}

    def prune(self, number: int, cause: str) -> None:
        """End a trial of `to_prune`."""
        with self._transaction:
            self._ends.prune(self._ledger.entries[number], cause)

    def checkpoint(self, leases: Sequence[Lease], pointer: CheckpointPointer) -> None:
        """Keep where an owner's newest checkpoint of these trials is, once it is durable."""
        with self._transaction:
            self._ledger.keep_checkpoint([self._held_entry(lease) for lease in leases], pointer)

    def resolve_end(self, lease: Lease, state: TrialState, cause: str = "",
                    metrics: Mapping[str, float] | None = None) -> ResolvedEnd | None:  # fmt: skip
        """Work out how the trial ends, for `finish` to keep; None if it has ended already.

        What stands elsewhere about the end is written in between, as `finish` is the last word.
        A completed trial without a finite objective is one that diverged, or failed if the
        objective was never measured. `StaleLease` if others have the trial by now.
        """
        with self._transaction:
            if self._ledger.entries[lease.number].state.ended:
                return None
            before = self._held_entry(lease).metrics
            return resolve(state, cause, before, metrics or {}, self.spec.objective.metric)

    def finish(self, lease: Lease, end: ResolvedEnd, images: int | None = None,
               result: StoredResult | None = None) -> bool:  # fmt: skip
        """End the trial. False if it had ended already, which changes nothing.

        `result` is what else is to be known of it.
        """
        with self._transaction:
            if self._ledger.entries[lease.number].state.ended:
                return False
            entry = self._held_entry(lease)
            self._ends.end(entry, end.state, end.cause, metrics=dict(end.metrics),
                           images=max(entry.images, int(images or 0)),
                           result={} if result is None else result.copy())  # fmt: skip
            return True

    # The sweep as a whole

    def cancel(self, cause: str = "the sweep was cancelled") -> None:
        """End every unfinished trial as cancelled; their holders meet `StaleLease`."""
        with self._transaction:
            self._ledger.remember("cancelled", True)
            self._granter.cancel()
            self._ends.cancel_all(cause)

    def stop_reason(self) -> StopReason | None:
        """Tell what ended the handing out.

        After hours and cost running trials should stop too (`cancel`, or `close` to go on
        another day); None while there is something to hand out or to wait for.
        """
        with self._transaction:
            return self._granter.stop_reason()
