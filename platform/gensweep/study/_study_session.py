"""A session of a study: one process has it open, changes it in transactions, and closes it.

Runs in the coordinator's actor.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Self

from gensweep.study._confirming_rounds import ConfirmingRounds
from gensweep.study._lease_returns import LeaseReturns
from gensweep.study._lost_trials import Loss, LossRule
from gensweep.study._open import OpenedStudy, create_study, open_study
from gensweep.study._study_parts import load_parts
from gensweep.study._study_spec import StudyRuntime, StudySpec
from gensweep.study._summary import StudySummary
from gensweep.study._transaction import Transaction
from gensweep.study._trial_ends import TrialEnds
from gensweep.trial import RankedTrial, TrialRecord

DEFAULTS: Final = StudyRuntime()


class StudySession:
    """Begins or resumes a study, and tells how its trials, hours and money stand, until `close`."""

    def __init__(self, opened: OpenedStudy, spec: StudySpec, runtime: StudyRuntime) -> None:
        self.spec, self._exit = spec, opened.exit
        self._parts = parts = load_parts(opened, spec, runtime)
        self._ledger, self._leases, self._spending = parts.ledger, parts.leases, parts.spending
        self._confirming, self._losses = ConfirmingRounds(parts), LossRule(runtime.max_attempts)
        self._ends = TrialEnds(parts)
        self._returns = LeaseReturns(parts, self._ends, self._losses)
        self._transaction = Transaction(opened.journal, runtime.ticks, self.forgive)
        opened.journal.sync()

    @classmethod
    def create(cls, spec: StudySpec, location: str, runtime: StudyRuntime = DEFAULTS) -> Self:
        """Begin a new study in `location`, a journal's path or the URL of a data base.

        `UserError` if the name is taken there; nothing is made then.
        """
        opened = create_study(spec, location, runtime.clock, runtime.session)
        return cls._start(opened, spec, runtime)

    @classmethod
    def open(cls, spec: StudySpec, location: str, runtime: StudyRuntime = DEFAULTS) -> Self:
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

    def transaction(self) -> AbstractContextManager[None]:
        """Keep other threads out; what was written is on disk at the outermost one's end.

        Many changes in one transaction cost one fsync, or one round trip to a data base.
        """
        return self._transaction

    def forgive(self, seconds: float) -> None:
        """Count nobody's silence of the last `seconds`, in which nobody was listened to."""
        self._leases.forgive(seconds)
        self._spending.forgive(seconds)

    def hours(self) -> float:
        """Add up the wall hours that the sweep has been open, over all sessions."""
        return self._spending.hours()

    def cost(self) -> float:
        """Add up what the sweep has cost, over all sessions, where an hour has a price."""
        with self._transaction:
            return self._spending.cost()

    def keep_report(self, facts: Mapping[str, Any]) -> None:
        """Keep what a report states of the sweep besides its trials, in the place of what was."""
        with self._transaction:
            self._ledger.remember("report", dict(facts))

    def keep_store(self, uri: str) -> None:
        """Keep which object store the sweep is driven with, for who goes on with it."""
        with self._transaction:
            self._ledger.remember("store", uri)

    def records(self) -> list[TrialRecord]:
        """Copy every trial, by number."""
        with self._transaction:
            return [entry.record() for _, entry in sorted(self._ledger.entries.items())]

    def ranked(self) -> Sequence[RankedTrial]:
        """List every trial as it stands, by no order, for a look that copies nothing."""
        with self._transaction:
            return list(self._ledger.entries.values())

    def record(self, number: int) -> TrialRecord:
        """Copy one trial."""
        with self._transaction:
            return self._ledger.entries[number].record()

    def summary(self) -> StudySummary:
        """Count trials, by state and in all, and the images of ended ones."""
        with self._transaction:
            queue, counts = self._parts.queue, sorted(self._ledger.counts.items())
            return StudySummary(
                states={str(state): n for state, n in counts if n},
                total=queue.total,
                images=queue.images,
                target=self.spec.budget.trials + self._confirming.trials,
            )

    def close(self) -> None:
        """Queue what is leased, and let another process drive the sweep."""
        with self._transaction.lock, self._exit, self._transaction:
            for owner in self._leases.owners():
                self._returns.take_back(owner, Loss())
            self._spending.save(self._ledger.remember, every_s=0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
