"""Keeps what packs tell of trials: measurements at rungs, checkpoints, and ends.

Runs in the coordinator's actor. The tracker is told first: a crash in between repeats that, and the
study has the last word.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from gensweep.coordinator._recorder import SweepRecorder
from gensweep.coordinator._session_memory import SessionMemory
from gensweep.intervals import interval_ends
from gensweep.study import Study
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    StaleLease,
    TrialEnd,
    TrialReport,
    TrialState,
    Verdict,
)

_log = logging.getLogger(__name__)


class TrialResults:
    """Tells the study and the tracker what trials measured, and how they ended."""

    def __init__(
        self, study: Study, recorder: SweepRecorder, memory: SessionMemory, curve: Sequence[str]
    ) -> None:
        """Name what is measured along the grids of sampling hyperparameters as `curve` does."""
        self._study, self._recorder, self._memory = study, recorder, memory
        self._rungs, self._curve = study.spec.rungs, curve
        self.images_seen = {r.number: r.images for r in study.records()}
        """By trial, as last told: ahead of the study, which hears at rungs."""

    def see(self, owner: str, seen: Mapping[int, int]) -> None:
        """Note the images of the owner's trials, between two rungs."""
        held = {number for number, _ in self._study.held(owner)}
        self.images_seen |= {n: images for n, images in seen.items() if n in held}

    # At rungs

    def report_rungs(self, owner: str, reports: Sequence[TrialReport]) -> list[Verdict]:
        """Keep what trials measured; return the verdict on each report."""
        with self._study.transaction():
            verdicts = [self._report_and_decide(owner, report) for report in reports]
        for report, verdict in zip(reports, verdicts, strict=True):
            _log.debug("trial %d at %d images: %s", report.number, report.images, verdict)
            if verdict is not Verdict.LOST:
                self._recorder.report(report)
                self._memory.note_recorded()
                self._memory.state.packs.note_report(owner)
        self.end_pruned()
        return verdicts

    def _report_and_decide(self, owner: str, report: TrialReport) -> Verdict:
        try:
            lease = self._study.lease_of(owner, report.number, report.attempt)
        except StaleLease:
            return Verdict.LOST
        self.images_seen[report.number] = report.images
        rung = self.rung(report.images)
        return self._study.report(lease, report.images, report.metrics, rung)

    def rung(self, images: int) -> int:
        """Return the rung that a trial is at: whole batches pass it by a few images."""
        return min(self._rungs, key=lambda rung: abs(rung - images))

    def checkpoint(
        self, owner: str, leases: Sequence[LeaseId], pointer: CheckpointPointer
    ) -> list[LeaseId]:
        """Keep where the trials' lanes are stored; return the leases that hold no longer."""
        held, lost = [], []
        with self._study.transaction():
            for number, attempt in leases:
                try:
                    held.append(self._study.lease_of(owner, number, attempt))
                except StaleLease:
                    lost.append((number, attempt))
            if held:
                self._study.checkpoint(held, pointer)
        return lost

    # Ends

    def finish(self, owner: str, ends: Sequence[TrialEnd]) -> None:
        """End trials, or set them aside, but for those that have ended or that others have."""
        with self._study.transaction():
            for end in ends:
                with suppress(StaleLease):
                    lease = self._study.lease_of(owner, end.number, end.attempt)
                    if end.waits:
                        self._set_aside(lease, end)
                    else:
                        self._finish(lease, end)
        self.end_pruned()

    def _set_aside(self, lease: Lease, end: TrialEnd) -> None:
        """Let a trial wait for its cohort; the tracker is told its learning curve, as by
        `_finish`."""
        self._recorder.record_learning(end.number, end.tracked_points)
        self._study.set_aside(lease, self.rung(end.images), end.stored(end.state))
        self.images_seen[end.number] = end.images
        _log.debug("trial %d waits at %d images", end.number, end.images)
        self._recorder.rest_trial(end.number)

    def _finish(self, lease: Lease, end: TrialEnd) -> None:
        number, report = end.number, end.report
        metrics = {} if report is None else report.metrics
        resolved = self._study.resolve_end(lease, end.state, end.cause, metrics)
        if resolved is None:
            return
        self.images_seen[number] = end.images
        _log.debug("trial %d ends: %s %s", number, resolved.state, resolved.cause)
        self._recorder.record_learning(number, end.tracked_points)
        if report is not None:
            self._study.measure(lease, self.rung(report.images), metrics)
            self._recorder.report(report)
        self._recorder.record_curves(number, end.images, end.curves, self._curve)
        # One that was evaluated, and reported before it ended, has its last metrics in the study.
        is_told = report is None and end.artifacts is not None
        last = self._study.record(number).metrics if is_told else metrics
        last = {**last, **interval_ends(end.intervals)}
        self._recorder.end_trial(number, resolved.state, resolved.cause, last, end.lineage)
        self._study.finish(lease, resolved, end.images, end.stored(resolved.state))
        self._memory.state.packs.note_report(lease.owner)

    def end_pruned(self) -> None:
        """End the trials that were pruned while they waited, with what they left then."""
        with self._study.transaction():
            for number, cause in self._study.to_prune().items():
                record = self._study.record(number)
                left = record.result
                curves = left.get("curves", {})
                self._recorder.record_curves(number, record.images, curves, self._curve)
                last = record.metrics | interval_ends(left.get("intervals", {}))
                lineage = left.get("lineage", ())
                self._recorder.end_trial(number, TrialState.PRUNED, cause, last, lineage)
                self._study.prune(number, cause)

    def record_if_ended(self, number: int) -> None:
        """Tell the tracker of a trial that was lost so often that it has failed."""
        record = self._study.record(number)
        if record.state.ended:
            self._recorder.end_trial(number, record.state, record.cause, record.metrics)

    def record_failures(self) -> None:
        """Tell the tracker of all trials that have failed: whoever was to tell may have died."""
        for record in self._study.records():
            if record.state is TrialState.FAILED:
                self.record_if_ended(record.number)
