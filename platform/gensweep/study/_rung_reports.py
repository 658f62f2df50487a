"""Keeps what trials measure at rungs, and decides there whether they go on.

Runs in the coordinator's actor, when packs report.
"""

from collections.abc import Mapping

from gensweep.study._entry import TrialEntry
from gensweep.study._pruning import verdict_at
from gensweep.study._study_parts import StudyParts
from gensweep.trial import Verdict, finite


class RungReports:
    """Writes reports into the ledger, and asks the pruner, or the trial's cohort, about them."""

    def __init__(self, parts: StudyParts) -> None:
        self._ledger, self._queue, self._waiting = parts.ledger, parts.queue, parts.waiting

    def report(
        self, entry: TrialEntry, images: int, metrics: Mapping[str, float], rung: int
    ) -> Verdict:
        """Keep what the trial measured after `images` images, and say whether to go on."""
        pruning, decisions = self._ledger.pruning, self._ledger.decisions
        judged = pruning.measure(entry, rung, metrics)
        if entry.confirm_round:  # a seed whose end is unknown confirms nothing
            judged = False
        verdicts = pruning.judge(entry, rung, decisions) if judged else entry.verdicts
        self._ledger.change(entry, images=max(entry.images, images), verdicts=verdicts,
                            metrics={**entry.metrics, **finite(metrics)})  # fmt: skip
        self._waiting.judge(entry)
        waits = self._waiting.judges(entry, rung)
        return verdict_at(rung, entry.verdicts, Verdict.WAIT if waits else Verdict.CONTINUE)

    def measure(self, entry: TrialEntry, rung: int, metrics: Mapping[str, float]) -> None:
        """Keep the objective at the rung where the trial ends."""
        self._ledger.pruning.measure(entry, rung, metrics)

    def peers(self, entry: TrialEntry, rung: int) -> dict[int, float]:
        """Read the objective at `rung` of all trials of the stratum that came there, by number."""
        key, entries = self._queue.key(entry), self._ledger.entries
        found = self._ledger.pruning.at_rung(rung)
        return {n: v for n, v in found.items() if self._queue.key(entries[n]) == key}
