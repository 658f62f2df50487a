"""The study: the only part that decides which trial runs, goes on, or has ended."""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from optuna.pruners import BasePruner, NopPruner

from gensweep.budget import Budget
from gensweep.errors import UserError
from gensweep.space import Stratum
from gensweep.study._ledger import Ledger, TrialEntry
from gensweep.study._open import OpenedStudy, open_study
from gensweep.study._queue import Key, TrialQueue, key_of
from gensweep.study._spending import Spending
from gensweep.study.journal._file import Journal
from gensweep.trial import (
    TERMINAL,
    Lease,
    StaleLease,
    TrialRecord,
    TrialState,
    Verdict,
    finite,
    trial_seed,
)

CLOCK_EVERY_S = 10.0
MOST_HOSTS = 10
"""That may be lost with a trial on them; it may be the trial that ends them."""


class Study:
    """Hands out trials as leases, and keeps what became of them.

    Every method may be called from any thread. Every change is on disk when its method returns,
    so the process may be killed at any time: reopened, trials that had been running are queued
    again with their last checkpoint, and ended ones stay ended.
    """

    def __init__(self, opened: OpenedStudy, budget: Budget, *, clock: Callable[[], float],
                 hourly: Callable[[], float], lease_s: float,
                 max_attempts: int) -> None:  # fmt: skip
        self.name, self.spec, self.metric = opened.name, opened.spec, opened.metric
        self._budget, self._lease_s, self._max_attempts = budget, lease_s, max_attempts
        self._ledger: Ledger = opened.ledger
        self._log: Journal = opened.log
        self._pruner: BasePruner = opened.pruner
        self._roster: TrialQueue = opened.roster
        self._strata_names = opened.strata_names
        self._repeats, self._seed = opened.repeats, opened.seed
        self._budget_images = opened.budget_images
        self._cancelled, self._hours_before = opened.cancelled, opened.hours
        self._exit: ExitStack = opened.exit
        self._lock = threading.RLock()
        self._depth = 0
        self._clock = clock
        # Leases are measured by a clock that nobody sets, unless a test brings its own.
        self._ticks = time.monotonic if clock is time.time else clock
        self._opened_at = self._saved_at = self._ticks()
        self._cost = Spending(hourly, self._ticks, opened.cost)
        self._beats: dict[str, float] = {}
        self._held: dict[str, set[int]] = {}
        self._entries: dict[int, TrialEntry] = {}
        self._counts: Counter[str] = Counter()
        self._images = 0
        for entry in self._ledger.load(self._adopt):
            self._enter(entry)
        self._ledger.remember("trials", budget.trials)
        self._log.sync()

    @classmethod
    def create_or_open(  # noqa: PLR0913  (one call says all of a sweep)
        cls,
        name: str,
        space: Mapping[str, Any],
        *,
        storage: str,
        spec: Mapping[str, Any],
        trials: int,
        seed: int = 0,
        sampler: str = "tpe",
        pruner: str | BasePruner | None = None,
        repeats: int = 1,
        resume: bool = False,
        clock: Callable[[], float] = time.time,
        lease_s: float = 60.0,
        max_attempts: int = 3,
        strata: tuple[str, ...] = (),
        max_hours: float | None = None,
        max_images: int | None = None,
        max_cost: float | None = None,
        hourly: Callable[[], float] = lambda: 0.0,
    ) -> Self:
        """A new sweep, or with `resume` a known one, whose `trials` may have grown.

        `spec` is the identity of the sweep as JSON: it must have `objective` (with `metric` and
        `direction`) and `budget_images`, a trial's budget. `UserError` if the name is taken, if
        it is not known, if anything but the limits differs, or if another process runs the sweep.
        """
        budget = Budget(trials=trials, max_hours=max_hours, max_images=max_images,
                        max_cost=max_cost)  # fmt: skip
        opened = open_study(
            name, space, storage=storage, spec=spec, sampler=sampler, seed=seed, pruner=pruner,
            repeats=repeats, resume=resume, strata=strata, now=clock(),
        )  # fmt: skip
        try:
            return cls(opened, budget, clock=clock, lease_s=lease_s, max_attempts=max_attempts,
                       hourly=hourly)  # fmt: skip
        except BaseException:
            opened.exit.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Alone at the study; what was written is on disk at the end of the outermost turn."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._log.sync()

    # Handing out

    def lease(self, owner: str, count: int, stratum: Stratum | None = None) -> list[Lease]:
        """Up to `count` trials of one stratum: returned ones first, then repeats, then new ones.

        A trial that was lost so often that once more ends it comes alone, lest others fail with
        it. Without `stratum` the one of `next_stratum` is taken. An empty list says that this
        stratum has nothing to do now: its share of the trials is used up, or the budget is.
        """
        with self.transaction():
            self.expire()
            stratum = self.next_stratum() if stratum is None else stratum
            if stratum is None:
                return []
            self._beats[owner] = self._ticks()
            return self._fill(owner, count, self._key(stratum))

    def _fill(self, owner: str, count: int, key: Key) -> list[Lease]:
        """Up to `count` trials; one that may be what packs die of has a pack of its own."""
        held = [self._entries[number] for number in self._held.get(owner, ())]
        if any(map(self._must_run_alone, held)):
            return []
        leases: list[Lease] = []
        aside: list[TrialEntry] = []
        while len(leases) < count and (entry := self._next(key)) is not None:
            alone = self._must_run_alone(entry)
            if alone and (leases or held):
                aside.append(entry)
                continue
            leases.append(self._hand_out(entry, owner))
            if alone:
                break
        for entry in aside:
            self._roster.requeue(entry)
        return leases

    def _must_run_alone(self, entry: TrialEntry) -> bool:
        """Whether the next loss of the trial would be its last."""
        return entry.lost >= max(1, self._max_attempts - 1) or entry.hosts >= MOST_HOSTS

    def next_stratum(self) -> Stratum | None:
        """The stratum that most needs a pack; None if no stratum has anything to hand out."""
        with self.transaction():
            ready = [key for key in self._roster.strata if self._available(key)]
            if not ready:
                return None
            return dict(self._roster.strata[min(ready, key=self._urgency)])

    def _urgency(self, key: Key) -> tuple[bool, bool, int]:
        roster = self._roster
        return not roster.has_queued(key), roster.leader(key) is None, roster.size(key)

    def _available(self, key: Key) -> bool:
        if self._stopped():
            return False
        return self._roster.has_queued(key) or self._may_ask(key)

    def _next(self, key: Key) -> TrialEntry | None:
        if self._stopped():
            return None
        queued = self._roster.take_queued(key)
        if queued is not None:
            return queued
        return self._ask(key) if self._may_ask(key) else None

    def _may_ask(self, key: Key) -> bool:
        left = self._budget.trials - len(self._entries)
        if left <= 0 or self._images_spoken_for() + self._budget_images > self._image_limit():
            return False
        if self._roster.leader(key) is not None:
            return True
        return left > self._roster.owed and self._roster.size(key) < self._roster.quota(
            key, self._budget.trials
        )

    def _images_spoken_for(self) -> int:
        unfinished = self._counts["queued"] + self._counts["leased"]
        return self._images + unfinished * self._budget_images

    def _image_limit(self) -> float:
        return float("inf") if self._budget.max_images is None else self._budget.max_images

    def _ask(self, key: Key) -> TrialEntry:
        leader = self._roster.leader(key)
        if leader is not None:
            entry = self._ledger.ask(leader.params, leader.group)
        else:
            entry = self._ledger.ask(dict(self._roster.strata[key]))
        self._adopt(entry)
        self._enter(entry, queue=False)
        return entry

    def _adopt(self, entry: TrialEntry) -> None:
        entry.seed = trial_seed(self._seed, entry.number)
        entry.created = self._clock()

    def _enter(self, entry: TrialEntry, *, queue: bool = True) -> None:
        self._entries[entry.number] = entry
        self._counts[entry.state] += 1
        self._roster.add(entry)
        if entry.state in TERMINAL:
            self._images += entry.images
        elif queue:
            self._roster.requeue(entry)

    def _hand_out(self, entry: TrialEntry, owner: str) -> Lease:
        started = entry.started if entry.started is not None else self._clock()
        self._commit(entry, state="leased", owner=owner, attempts=entry.attempts + 1,
                     started=started)  # fmt: skip
        self._held.setdefault(owner, set()).add(entry.number)
        return Lease(
            number=entry.number, owner=owner, attempt=entry.attempts, params=dict(entry.params),
            seed=entry.seed, group=entry.group, images=entry.images, checkpoint=entry.checkpoint,
            stratum=dict(self._roster.strata[self._roster.key(entry)]),
        )  # fmt: skip

    def _key(self, stratum: Stratum) -> Key:
        key = key_of(stratum, self._strata_names)
        if key not in self._roster.strata:
            known = "; ".join(str(each) for each in self._roster.strata.values())
            raise UserError(f"no stratum {stratum}: choose from {known}.")
        return key

    def _commit(self, entry: TrialEntry, **changes: Any) -> None:
        """Change an entry in the journal, and only then here: a full disk must not part the two."""
        after = dataclasses.replace(entry, **changes)
        if after.state in TERMINAL:
            self._ledger.end(after)
        else:
            self._ledger.save(after)
        self._counts[entry.state] -= 1
        self._counts[after.state] += 1
        for name, value in changes.items():
            setattr(entry, name, value)

    # Keeping and losing leases

    def heartbeat(self, owner: str) -> None:
        """Keep the owner's leases."""
        with self.transaction():
            self._beats[owner] = self._ticks()
            self._cost.hear(owner)
            self._save_hours()

    def expire(self) -> list[int]:
        """Take back the leases of owners not heard of for `lease_s`; numbers of those trials."""
        with self.transaction():
            now = self._ticks()
            silent = [o for o, beat in self._beats.items() if now - beat > self._lease_s]
            lost = [number for owner in silent for number in self._drop(owner, lost=1)]
            self._save_hours()
            return lost

    def release(self, owner: str) -> list[int]:
        """Give the owner's trials back to the queue; not counted against them."""
        with self.transaction():
            return self._drop(owner)

    def fail_owner(self, owner: str, cause: str = "", *, host: bool = False) -> list[int]:
        """What `expire` does, at once, for an owner known to have died of `cause`.

        One that was lost with its `host` hardly died of its trials: each outlives `MOST_HOSTS`.
        """
        with self.transaction():
            return self._drop(owner, lost=not host, hosts=host, cause=cause)

    def _drop(self, owner: str, *, lost: int = 0, hosts: int = 0, cause: str = "") -> list[int]:
        self._beats.pop(owner, None)
        self._cost.forget(owner)
        numbers = sorted(self._held.pop(owner, ()))
        for entry in map(self._entries.__getitem__, numbers):
            self._return(entry, entry.lost + lost, entry.hosts + hosts, cause)
        return numbers

    def _return(self, entry: TrialEntry, lost: int, hosts: int, cause: str) -> None:
        if lost >= self._max_attempts or hosts > MOST_HOSTS:
            says = f"lost {lost + hosts} times" + (f", the last by {cause}" if cause else "")
            self._end(entry, "failed", says, lost=lost, hosts=hosts)
            return
        self._commit(entry, state="queued", owner="", lost=lost, hosts=hosts)
        self._roster.requeue(entry)

    def _held_entry(self, lease: Lease) -> TrialEntry:
        entry = self._entries[lease.number]
        if (entry.state, entry.owner, entry.attempts) != ("leased", lease.owner, lease.attempt):
            raise StaleLease(
                f"trial {lease.number}, attempt {lease.attempt} of {lease.owner}: it is now "
                f"{entry.state}, attempt {entry.attempts}."
            )
        self._beats[lease.owner] = self._ticks()
        return entry

    # Learning about trials

    def report(self, lease: Lease, images: int, metrics: Mapping[str, float],
               rung: int | None = None) -> Verdict:  # fmt: skip
        """Keep what the trial measured after `images` images, and say whether to go on.

        Pruners compare trials at the same `rung`, in images; None: at `images`.
        """
        with self.transaction():
            entry = self._held_entry(lease)
            values = finite(metrics)
            if self.metric in values:
                self._ledger.measure(
                    entry, int(images if rung is None else rung), values[self.metric]
                )
            self._commit(entry, images=max(entry.images, int(images)),
                         metrics={**entry.metrics, **values})  # fmt: skip
            if self.metric not in values or isinstance(self._pruner, NopPruner):
                return "continue"
            return "prune" if self._ledger.prunes(entry, self._pruner) else "continue"

    def peers(self, lease: Lease, rung: int) -> dict[int, float]:
        """The objective at `rung` of every trial of the same stratum that has been there."""
        with self.transaction():
            key = self._roster.key(self._held_entry(lease))
            found = self._ledger.at_rung(rung)
            return {n: v for n, v in found.items() if self._roster.key(self._entries[n]) == key}

    def checkpoint(self, lease: Lease, pointer: Mapping[str, Any]) -> None:
        """Keep where the trial's newest checkpoint is; call it once the checkpoint is durable."""
        with self.transaction():
            entry = self._held_entry(lease)
            self._commit(entry, checkpoint=dict(pointer))

    def resolve_end(
        self, lease: Lease, state: TrialState, cause: str, metrics: Mapping[str, float]
    ) -> tuple[TrialState, str] | None:
        """State and cause that `finish` would keep; None if the trial has ended already.

        What stands elsewhere about a trial's end is written before `finish`, the last word.
        """
        if state not in TERMINAL:
            raise ValueError(
                f"{state!r} is no end of a trial: one of {', '.join(sorted(TERMINAL))}."
            )
        with self.transaction():
            if self._entries[lease.number].state in TERMINAL:
                return None
            known = {**self._held_entry(lease).metrics, **finite(metrics)}
            return self._checked(TrialState(state), cause, metrics, known)

    def finish(
        self,
        lease: Lease,
        state: TrialState,
        cause: str = "",
        metrics: Mapping[str, float] | None = None,
        images: int | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> bool:
        """End the trial. False if it had ended already, which changes nothing.

        `result` is what else is to be known of it, as JSON.

        A completed trial without a finite objective is one that diverged, or failed if the
        objective was never measured: it is kept as that.
        """
        with self.transaction():
            resolve_end = self.resolve_end(lease, state, cause, metrics or {})
            if resolve_end is None:
                return False
            entry = self._held_entry(lease)
            known = {**entry.metrics, **finite(metrics or {})}
            seen = max(entry.images, int(images or 0))
            self._end(entry, *resolve_end, metrics=known, images=seen, result=dict(result or {}))
            return True

    def _checked(
        self,
        state: TrialState,
        cause: str,
        metrics: Mapping[str, float],
        known: Mapping[str, float],
    ) -> tuple[TrialState, str]:
        if state != "completed":
            return state, cause
        if self.metric in metrics and not finite({self.metric: metrics[self.metric]}):
            return TrialState.DIVERGED, f"{self.metric} is {metrics[self.metric]}"
        if self.metric not in known:
            return TrialState.FAILED, f"{self.metric} was never reported"
        return state, cause

    def _end(self, entry: TrialEntry, state: str, cause: str, **changes: Any) -> None:
        holder = entry.owner
        self._commit(entry, state=state, cause=cause, owner="", ended=self._clock(), **changes)
        self._held.get(holder, set()).discard(entry.number)
        self._images += entry.images
        self._save_hours()

    # The sweep as a whole

    def cancel(self, cause: str = "the sweep was cancelled") -> None:
        """End every unfinished trial as cancelled; their holders meet `StaleLease`."""
        with self.transaction():
            self._ledger.remember("cancelled", True)
            self._cancelled = True
            for entry in self._entries.values():
                if entry.state not in TERMINAL:
                    self._end(entry, "cancelled", cause)

    def stop_reason(self) -> str | None:
        """Why nothing more will be handed out: "cancelled", "hours", "cost", "trials", "images".

        After "hours" and "cost" running trials should stop too (`cancel`, or `close` to go on
        another day); None while there is something to hand out or to wait for.
        """
        with self.transaction():
            if stopped := self._stopped():
                return stopped
            if self._counts["queued"] or self._counts["leased"]:
                return None
            if len(self._entries) >= self._budget.trials:
                return "trials"
            return None if self.next_stratum() is not None else "images"

    def _stopped(self) -> str | None:
        if self._cancelled:
            return "cancelled"
        return self._budget.spent(self.hours(), self._cost.stopped())

    def hours(self) -> float:
        """Wall hours that the sweep has been open, over all sessions."""
        return self._hours_before + (self._ticks() - self._opened_at) / 3600

    def cost(self) -> float:
        """Money that the sweep has cost, over all sessions, where an hour has a price."""
        with self.transaction():
            return self._cost.now()

    def _remember_spent(self) -> None:
        self._ledger.remember("hours", self.hours())
        self._ledger.remember("cost", self._cost.now())

    def _save_hours(self) -> None:
        now = self._ticks()
        if now - self._saved_at >= CLOCK_EVERY_S:
            self._saved_at = now
            self._remember_spent()

    def records(self) -> list[TrialRecord]:
        """Every trial, by number."""
        with self.transaction():
            return [self._entries[number].record() for number in sorted(self._entries)]

    def record(self, number: int) -> TrialRecord:
        """One trial."""
        with self.transaction():
            return self._entries[number].record()

    def summary(self) -> dict[str, int]:
        """Trials by state, "total" made so far, "target" and "images" of ended trials."""
        with self.transaction():
            counts = {state: n for state, n in sorted(self._counts.items()) if n}
            return {**counts, "total": len(self._entries), "target": self._budget.trials,
                    "images": self._images}  # fmt: skip

    def close(self) -> None:
        """Queue what is leased, and let another process drive the sweep."""
        with self._lock, self._exit, self.transaction():
            for owner in list(self._held):
                self._drop(owner)
            self._remember_spent()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
