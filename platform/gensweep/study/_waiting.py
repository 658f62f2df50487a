"""Lets trials wait at a rung, out of their lanes, until their cohort is judged.

Runs in the coordinator's actor. A trial that waits is queued in the ledger, but nobody gets it: the
verdict of its cohort puts it into the queue, or among those that are to end as pruned.
"""

from collections.abc import Iterable

from gensweep.study._entry import TrialEntry
from gensweep.study._halving import Halving
from gensweep.study._ledger import Ledger
from gensweep.study._pruning import verdict_at
from gensweep.study._queue import TrialQueue
from gensweep.trial import RungVerdict, StoredResult, TrialState, Verdict

COHORTS = "cohorts"
"""Fact of a study: after how many trials cohorts began anew."""


class WaitingTrials:
    """Keeps the verdicts of `halving` in the ledger, and follows them; without it, nothing waits.

    Not thread-safe: the `Study` in front of it is.
    """

    def __init__(
        self, halving: Halving | None, ledger: Ledger, queue: TrialQueue, begins: Iterable[int]
    ) -> None:
        self._halving, self._ledger, self._queue = halving, ledger, queue
        self._begins = list(begins)
        self._to_prune: dict[int, TrialEntry] = {}

    def load(self, entries: Iterable[TrialEntry]) -> None:
        """Take in the trials of earlier sessions, by number, and queue those that may go on."""
        known = list(entries)
        if self._halving is not None:
            self._ledger.remember(COHORTS, self._begins)
            for entry in known:
                if not entry.confirm_round:
                    self._halving.add(entry)
        for entry in known:
            if entry.state is TrialState.QUEUED:
                self._follow(entry)
        for entry in known:  # what a kill kept from being judged
            self.judge(entry)

    def add(self, entry: TrialEntry) -> None:
        """Put a trial that was just drawn into its cohort."""
        if self._halving is not None:
            self._judge_all(self._halving.add(entry))

    def judge(self, entry: TrialEntry) -> None:
        """Keep and follow the verdicts of the trial's cohort that are due, after any change."""
        if self._halving is None:
            return
        for due in self._halving.due(entry):
            verdict = RungVerdict(due.rung, self._ledger.decisions, int(due.is_pruned))
            self._ledger.change(due.entry, verdicts=[*due.entry.verdicts, verdict])
            if due.entry.waits_at:
                self._follow(due.entry)

    def _judge_all(self, closed: Iterable[TrialEntry]) -> None:
        """Judge cohorts, by one trial of each, that no other trial will join."""
        for entry in closed:
            self.judge(entry)

    def judges(self, entry: TrialEntry, rung: int) -> bool:
        """Return whether the trial is judged with its cohort at that rung."""
        return self._halving is not None and self._halving.knows(entry, rung)

    def set_aside(self, entry: TrialEntry, rung: int, result: StoredResult) -> None:
        """Take the trial out of its owner's lane, to wait at the rung with what it left there."""
        waiting = result.copy()
        waiting.pop("outcome", None)
        self._ledger.change(
            entry, state=TrialState.QUEUED, owner="", waits_at=rung, result=waiting,
            checkpoint=result.get("kept"),
        )  # fmt: skip
        if any(verdict.rung == rung for verdict in entry.verdicts):
            self._follow(entry)
        else:
            self.judge(entry)

    def _follow(self, entry: TrialEntry) -> None:
        """Queue a trial that no lane has, or let it end, unless it is to wait."""
        otherwise = Verdict.WAIT if entry.waits_at else Verdict.CONTINUE
        verdict = verdict_at(entry.waits_at, entry.verdicts, otherwise)
        if verdict is Verdict.CONTINUE:
            self._queue.requeue(entry)
        elif verdict is Verdict.PRUNE:
            self._to_prune[entry.number] = entry

    def to_prune(self) -> list[TrialEntry]:
        """List the trials whose verdict came while they waited, and that are still to end."""
        self._to_prune = {n: e for n, e in self._to_prune.items() if not e.state.ended}
        return list(self._to_prune.values())

    def close(self) -> bool:
        """Judge cohorts that are not full, for no other trial may be drawn; False: there are none.

        Those that are drawn after all, with a larger budget, begin others.
        """
        closed = [] if self._halving is None else self._halving.close()
        if self._halving is None or not closed:
            return False
        self._begins.append(self._halving.drawn)
        self._ledger.remember(COHORTS, self._begins)
        self._judge_all(closed)
        return True
