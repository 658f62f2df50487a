"""The study: the only part that decides which trial runs, goes on, or has ended."""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

from gensweep.budget import StopReason
from gensweep.space import Stratum
from gensweep.study._confirming import Confirming
from gensweep.study._end import ResolvedEnd, resolve
from gensweep.study._entry import TrialEntry
from gensweep.study._halving import make_halving
from gensweep.study._leases import LeaseBook
from gensweep.study._lost_trials import Loss, LossRule
from gensweep.study._new_trials import Key, NewTrial
from gensweep.study._open import OpenedStudy, create_study, open_study
from gensweep.study._pruning import verdict_at
from gensweep.study._queue import TrialQueue
from gensweep.study._spending import Spending
from gensweep.study._study_spec import StudyRuntime, StudySpec
from gensweep.study._summary import StudySummary
from gensweep.study._waiting import WaitingTrials
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    RankedTrial,
    StoredResult,
    TrialRecord,
    TrialState,
    Verdict,
    finite,
)

SAVE_SPENDING_S = 10.0
"""Seconds between two records of hours and money, which a killed process would lose."""


class Study:
    """Hands out trials as leases, and keeps what became of them.

    Every method may be called from any thread. Every change is on disk when its method returns,
    so the process may be killed at any time: reopened, trials that had been running are queued
    again with their last checkpoint (or are still held by those who trained them, if they live on:
    `StudyRuntime.keep_leases`), and ended ones stay ended.
    """

    def __init__(self, opened: OpenedStudy, spec: StudySpec, runtime: StudyRuntime) -> None:
        self.spec = spec
        self._clock, self._ticks = runtime.clock, runtime.ticks
        self._ledger, self._journal, self._exit = opened.ledger, opened.journal, opened.exit
        self._lock = threading.RLock()
        self._depth = 0
        self._cancelled = False
        self._spending = Spending(spec.budget, runtime.hourly_price, runtime.ticks, opened.spent)
        self._saved_at = self._ticks()
        self._leases = LeaseBook(runtime)
        self._queue = TrialQueue(spec, by_number=opened.by_number)
        self._losses, self._confirming = LossRule(runtime.max_attempts), Confirming(spec)
        halving = make_halving(spec, self._ledger.pruning.at_rung, opened.cohorts)
        self._waiting = WaitingTrials(halving, self._ledger, self._queue, opened.cohorts)
        entries = self._ledger.load(keep_leases=runtime.keep_leases)
        for entry in entries:
            self._queue.add(entry)
            if entry.state is TrialState.LEASED:
                self._leases.grant(entry)
                self._leases.hear(entry.owner)
        self._waiting.load(entries)
        self._ledger.remember("trials", spec.budget.trials)
        self._ledger.remember("confirm", str(spec.confirm or ""))
        drawn = sum(entry.confirm_round > 0 for entry in self._ledger.entries.values())
        self._note_confirming(spec.confirm.trials if spec.confirm else drawn)
        self._ledger.remember("map_axis", spec.map_axis)
        self._journal.sync()

    @classmethod
    def create(
        cls,
        spec: StudySpec,
        location: str,
        runtime: StudyRuntime = StudyRuntime(),  # noqa: B008  (frozen)
    ) -> Self:
        """Begin a new study in `location`, a journal's path or the URL of a data base.

        `UserError` if the name is taken there; nothing is made then.
        """
        return cls._start(
            create_study(spec, location, runtime.clock, runtime.session), spec, runtime
        )

    @classmethod
    def open(
        cls,
        spec: StudySpec,
        location: str,
        runtime: StudyRuntime = StudyRuntime(),  # noqa: B008  (frozen)
    ) -> Self:
        """Go on with a known study, whose budget may be another one by now.

        `UserError` if the name is not known, if anything but the budget differs from what the
        study was begun with, or if another process runs it.
        """
        return cls._start(open_study(spec, location, runtime.clock), spec, runtime)

    @classmethod
    def _start(cls, opened: OpenedStudy, spec: StudySpec, runtime: StudyRuntime) -> Self:
        try:
            return cls(opened, spec, runtime)
        except BaseException:
            opened.exit.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other threads out; what was written is on disk at the outermost one's end.

        Many changes in one transaction cost one fsync, or one round trip to a data base.
        """
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._sync()

    def _sync(self) -> None:
        """Write what changed; owners that could not be heard meanwhile have not been silent."""
        began = self._ticks()
        self._journal.sync()
        if (waited := self._ticks() - began) > 1:
            self.forgive(waited)

    def forgive(self, seconds: float) -> None:
        """Count nobody's silence of the last `seconds`, in which nobody was listened to."""
        self._leases.forgive(seconds)
        self._spending.forgive(seconds)

    # Handing out

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
        with self.transaction():
            self.expire()
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
        return [self._lease(entry) for entry in held if (entry.number, entry.attempts) not in known]

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

    def next_stratum(self) -> Stratum | None:
        """Choose the stratum that most needs a pack; None if none has anything to hand out."""
        with self.transaction():
            self._confirm()
            if self._stopped():
                return None
            found = self._queue.next_stratum()
            # Nothing is left to draw and nobody trains: those that wait are all that will come.
            if found is None and not self._ledger.counts[TrialState.LEASED]:
                found = self._queue.next_stratum() if self._waiting.close() else None
            return found

    def _confirm(self) -> None:
        """Queue the next round of confirming trials, once all trials before it have ended."""
        ended = self._queue.total >= self.spec.budget.trials and not self._queue.unfinished
        if not ended or self._confirming.is_complete or self._stopped():
            return
        entries = [entry for _, entry in sorted(self._ledger.entries.items())]
        for new in self._confirming.next_trials(entries):
            if not self._queue.images_suffice():
                return
            entry = self._ledger.ask(new.fixed, new.group, new.confirm_round)
            self._queue.add(entry)
            self._queue.requeue(entry)
        if self._confirming.is_complete:  # with fewer, if fewer configurations are ranked
            self._note_confirming(sum(entry.confirm_round > 0 for entry in entries))

    def _note_confirming(self, trials: int) -> None:
        """Keep how many confirming trials there will be."""
        self._confirming_trials = trials
        self._ledger.remember("confirming_trials", trials)

    def _next(self, key: Key) -> TrialEntry | None:
        """Take the stratum's next trial, drawing it if none waits; None if there is none."""
        if self._stopped():
            return None
        return self._queue.take_next(key, self._draw)

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
        return self._lease(entry)

    def _lease(self, entry: TrialEntry) -> Lease:
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

    # Keeping and losing leases

    def heartbeat(self, owner: str) -> None:
        """Keep the owner's leases."""
        with self.transaction():
            self._leases.hear(owner)
            self._spending.hear(owner)
            self._save_spending()

    def expire(self) -> list[int]:
        """Take back the leases of owners not heard of for `lease_s`; numbers of those trials."""
        with self.transaction():
            silent = self._leases.silent_owners()
            lost = [number for owner in silent for number in self._take_back(owner, Loss(packs=1))]
            self._save_spending()
            return lost

    def release(self, owner: str) -> list[int]:
        """Give the owner's trials back to the queue; not counted against them."""
        with self.transaction():
            return self._take_back(owner, Loss())

    def fail_owner(self, owner: str, cause: str = "", *, host: bool = False) -> list[int]:
        """Do what `expire` does, at once, for an owner known to have died of `cause`.

        One that was lost with its `host` hardly died of its trials: each outlives several hosts.
        """
        with self.transaction():
            return self._take_back(owner, Loss(packs=not host, hosts=host, cause=cause))

    def _take_back(self, owner: str, loss: Loss) -> list[int]:
        """End the owner's leases; each trial waits for another owner, or ends as failed."""
        self._spending.forget(owner)
        entries = self._leases.held(owner)
        for entry in entries:
            self._return(entry, loss)
        self._leases.forget(owner)
        return [entry.number for entry in entries]

    def _return(self, entry: TrialEntry, loss: Loss) -> None:
        owner, after = entry.owner, self._losses.after_loss(entry, loss)
        losses = {"lost": after.lost, "lost_at": after.lost_at, "hosts": after.hosts}
        if after.state.ended:
            self._end(entry, after.state, after.cause, **losses)
            return
        self._ledger.change(entry, state=after.state, owner="", **losses)
        self._leases.drop(owner, entry.number)
        self._queue.requeue(entry)

    def held(self, owner: str) -> list[LeaseId]:
        """Numbers and attempts of the trials that the owner holds."""
        with self.transaction():
            return [(entry.number, entry.attempts) for entry in self._leases.held(owner)]

    def lease_of(self, owner: str, number: int, attempt: int | None = None) -> Lease:
        """The owner's lease of the trial; `StaleLease` if others have it, or if it has ended.

        With `attempt` it must be the lease of that attempt: the owner may have lost the trial and
        got it anew.
        """
        with self.transaction():
            entry = self._ledger.entries[number]
            told = entry.attempts if attempt is None else attempt
            lease = replace(self._lease(entry), owner=owner, attempt=told)
            self._leases.check(lease, entry)
            return lease

    def _held_entry(self, lease: Lease) -> TrialEntry:
        entry = self._ledger.entries[lease.number]
        self._leases.check(lease, entry)
        self._leases.hear(lease.owner)
        return entry

    # Learning about trials

    def report(self, lease: Lease, images: int, metrics: Mapping[str, float],
               rung: int | None = None) -> Verdict:  # fmt: skip
        """Keep what the trial measured after `images` images, and say whether to go on.

        Pruners compare trials at the same `rung`, in images; None: at `images`. A trial that is to
        wait for its cohort is given back by `set_aside`.
        """
        with self.transaction():
            entry = self._held_entry(lease)
            rung, pruning = int(images if rung is None else rung), self._ledger.pruning
            judged = pruning.measure(entry, rung, metrics)
            if entry.confirm_round:  # a seed whose end is unknown confirms nothing
                judged = False
            decisions = self._ledger.decisions
            verdicts = pruning.judge(entry, rung, decisions) if judged else entry.verdicts
            self._ledger.change(entry, images=max(entry.images, int(images)), verdicts=verdicts,
                                metrics={**entry.metrics, **finite(metrics)})  # fmt: skip
            self._waiting.judge(entry)
            waits = self._waiting.judges(entry, rung)
            return verdict_at(rung, entry.verdicts, Verdict.WAIT if waits else Verdict.CONTINUE)

    def measure(self, lease: Lease, rung: int, metrics: Mapping[str, float]) -> None:
        """Keep the objective at the rung where the trial ends: others are compared with it.

        Its other metrics are kept by `finish`, so that an end is written once.
        """
        with self.transaction():
            self._ledger.pruning.measure(self._held_entry(lease), rung, metrics)

    def peers(self, lease: Lease, rung: int) -> dict[int, float]:
        """Read the objective at `rung` of all trials of the stratum that came there, by number."""
        with self.transaction():
            key = self._queue.key(self._held_entry(lease))
            entries, found = self._ledger.entries, self._ledger.pruning.at_rung(rung)
            return {n: v for n, v in found.items() if self._queue.key(entries[n]) == key}

    def set_aside(self, lease: Lease, rung: int, result: StoredResult) -> None:
        """Let the trial wait for its cohort at the rung that it reported, out of its lane.

        It goes on from what it `kept`, in another lane, or ends with the rest of the `result`.
        """
        with self.transaction():
            entry = self._held_entry(lease)
            self._waiting.set_aside(entry, rung, result)
            self._leases.drop(lease.owner, entry.number)

    def to_prune(self) -> dict[int, str]:
        """Name the trials that wait and are to end by their cohort's verdict, each with the cause.

        What stands elsewhere about the end is written before `prune` ends one.
        """
        with self.transaction():
            return {e.number: f"stopped at {e.images:,} images" for e in self._waiting.to_prune()}

    def prune(self, number: int, cause: str) -> None:
        """End a trial of `to_prune`."""
        with self.transaction():
            entry = self._ledger.entries[number]
            result: StoredResult = {**entry.result, "outcome": TrialState.PRUNED}
            self._end(entry, TrialState.PRUNED, cause, result=result)

    def checkpoint(self, leases: Sequence[Lease], pointer: CheckpointPointer) -> None:
        """Keep where an owner's newest checkpoint of these trials is, once it is durable."""
        with self.transaction():
            self._ledger.keep_checkpoint([self._held_entry(lease) for lease in leases], pointer)

    def resolve_end(self, lease: Lease, state: TrialState, cause: str = "",
                    metrics: Mapping[str, float] | None = None) -> ResolvedEnd | None:  # fmt: skip
        """Work out how the trial ends, for `finish` to keep; None if it has ended already.

        What stands elsewhere about the end is written in between, as `finish` is the last word.
        A completed trial without a finite objective is one that diverged, or failed if the
        objective was never measured. `StaleLease` if others have the trial by now.
        """
        with self.transaction():
            if self._ledger.entries[lease.number].state.ended:
                return None
            before = self._held_entry(lease).metrics
            return resolve(state, cause, before, metrics or {}, self.spec.objective.metric)

    def finish(self, lease: Lease, end: ResolvedEnd, images: int | None = None,
               result: StoredResult | None = None) -> bool:  # fmt: skip
        """End the trial. False if it had ended already, which changes nothing.

        `result` is what else is to be known of it.
        """
        with self.transaction():
            if self._ledger.entries[lease.number].state.ended:
                return False
            entry = self._held_entry(lease)
            seen = max(entry.images, int(images or 0))
            self._end(entry, end.state, end.cause, metrics=dict(end.metrics), images=seen,
                      result={} if result is None else result.copy())  # fmt: skip
            return True

    def _end(self, entry: TrialEntry, state: TrialState, cause: str, **changes: Any) -> None:
        owner = entry.owner
        changes |= {"state": state, "cause": cause, "owner": "", "ended": self._clock()}
        self._ledger.change(entry, **changes)
        self._leases.drop(owner, entry.number)
        self._queue.end(entry)
        self._waiting.judge(entry)
        self._save_spending()

    # The sweep as a whole

    def cancel(self, cause: str = "the sweep was cancelled") -> None:
        """End every unfinished trial as cancelled; their holders meet `StaleLease`."""
        with self.transaction():
            self._ledger.remember("cancelled", True)
            self._cancelled = True
            for entry in self._ledger.entries.values():
                if not entry.state.ended:
                    self._end(entry, TrialState.CANCELLED, cause)

    def stop_reason(self) -> StopReason | None:
        """Tell what ended the handing out.

        After hours and cost running trials should stop too (`cancel`, or `close` to go on
        another day); None while there is something to hand out or to wait for.
        """
        with self.transaction():
            if stopped := self._stopped():
                return stopped
            self._confirm()
            if self._queue.unfinished:
                return None
            if self._queue.total >= self.spec.budget.trials and self._confirming.is_complete:
                return StopReason.TRIALS
            return None if self._queue.next_stratum() is not None else StopReason.IMAGES

    def _stopped(self) -> StopReason | None:
        return StopReason.CANCELLED if self._cancelled else self._spending.reason_to_stop()

    def hours(self) -> float:
        """Add up the wall hours that the sweep has been open, over all sessions."""
        return self._spending.hours()

    def cost(self) -> float:
        """Add up what the sweep has cost, over all sessions, where an hour has a price."""
        with self.transaction():
            return self._spending.cost()

    def _save_spending(self, every_s: float = SAVE_SPENDING_S) -> None:
        """Write hours and money to the ledger, unless that was done within `every_s` seconds."""
        now = self._ticks()
        if now - self._saved_at >= every_s:
            self._saved_at = now
            spent = self._spending.spent()
            self._ledger.remember("hours", spent.hours)
            self._ledger.remember("cost", spent.cost)

    def keep_report(self, facts: Mapping[str, Any]) -> None:
        """Keep what a report states of the sweep besides its trials, in the place of what was."""
        with self.transaction():
            self._ledger.remember("report", dict(facts))

    def records(self) -> list[TrialRecord]:
        """Copy every trial, by number."""
        with self.transaction():
            return [entry.record() for _, entry in sorted(self._ledger.entries.items())]

    def ranked(self) -> Sequence[RankedTrial]:
        """List every trial as it stands, by no order, for a look that copies nothing."""
        with self.transaction():
            return list(self._ledger.entries.values())

    def record(self, number: int) -> TrialRecord:
        """Copy one trial."""
        with self.transaction():
            return self._ledger.entries[number].record()

    def summary(self) -> StudySummary:
        """Count trials, by state and in all, and the images of ended ones."""
        with self.transaction():
            counts = {str(state): n for state, n in sorted(self._ledger.counts.items()) if n}
            target = self.spec.budget.trials + self._confirming_trials
            return StudySummary(states=counts, total=self._queue.total, images=self._queue.images,
                                target=target)  # fmt: skip

    def close(self) -> None:
        """Queue what is leased, and let another process drive the sweep."""
        with self._lock, self._exit, self.transaction():
            for owner in self._leases.owners():
                self._take_back(owner, Loss())
            self._save_spending(every_s=0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
