"""The actor beside the driver that decides: it owns the study, and records what it hears."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from gensweep.budget import StopReason
from gensweep.coordinator._hang_watch import CAUSE, HangWatch
from gensweep.coordinator._hourly_price import hourly_price
from gensweep.coordinator._pack_status import PackStatus
from gensweep.coordinator._progress_summary import ProgressSummary, best_mean, leading_value
from gensweep.coordinator._recorder import SweepRecorder, spool_of
from gensweep.coordinator._session_memory import SessionMemory
from gensweep.coordinator._waits import Waits
from gensweep.grid import FEWEST
from gensweep.intervals import interval_ends
from gensweep.objective import Objective
from gensweep.patience import OUTAGE_S, Patience
from gensweep.population import choose_donor
from gensweep.spec import RunContext
from gensweep.study import DrivenAlreadyError, Study, StudyRuntime, StudySpec
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    StaleLease,
    StateCopy,
    TrialEnd,
    TrialReport,
    TrialState,
    Verdict,
)

_log = logging.getLogger(__name__)
GO_ON = (None, StopReason.TRIALS, StopReason.IMAGES)
"""Running trials are finished after these."""
LEASE_S = 300.0
"""A pack that died is known at once; this is for one that no longer answers."""
BEATS_PER_S = 100
"""Heartbeats of all packs together; in a larger sweep each comes less often."""
LOCK_S = 20.0
"""How long a database may keep the lock of a coordinator that was killed."""


def open_study(
    context: RunContext,
    objective: Objective,
    protocol: Mapping[str, object],
    *,
    is_continued: bool = False,
    session: str = "",
) -> Study:
    """Create the sweep's study, or open it to resume; `UserError` shows what differs.

    `is_continued`: the process that had it open was killed, and its packs live on with their
    trials. A study that this `session` began is opened, too: its first process died at once.
    """
    sweep = context.sweep
    spec = StudySpec(
        name=sweep.name, space=sweep.space, objective=objective, budget=sweep.limits,
        budget_images=sweep.budget_images, seed=sweep.seed, sampler=sweep.sampler,
        grid_points=sweep.points or FEWEST,
        pruner=sweep.pruner, rungs=sweep.rung_images, repeats=sweep.repeats, strata=sweep.strata,
        confirm=sweep.confirmation, group_by=sweep.group_by, map_axis=sweep.map_axis,
        settings=sweep.identity() | {"data_hash": context.data_hash, "protocol": protocol} | (
            {"weights": dict(context.weights)} if context.weights else {}
        ),
    )  # fmt: skip
    begin = Study.open if context.resume or is_continued else Study.create
    runtime = StudyRuntime(
        lease_s=LEASE_S,
        session=session,
        keep_leases=is_continued,
        hourly_price=hourly_price(context),
    )
    patience = Patience(OUTAGE_S if is_continued else 0.0)
    end = time.monotonic() + LOCK_S * is_continued
    while True:
        try:
            return patience.keep_trying(lambda: begin(spec, context.ledger, runtime))
        except DrivenAlreadyError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.2)


class SweepCoordinator:
    """Hands out trials and hears of them; every change is on disk before it is answered.

    A Ray actor: packs call the methods whose first parameter is `owner`, their name; the driver
    calls the others. Calls run one at a time.

    It may be killed at any time: its successor of the same `session` goes on with what is on disk,
    and calls that were not answered are made again. So every call may come twice, and changes
    nothing then.
    """

    def __init__(
        self,
        context: RunContext,
        objective: Objective,
        protocol: Mapping[str, object],
        session: str = "",
    ):
        name = context.sweep.name
        self._memory = SessionMemory(spool_of(context) / "session.json", session, name)
        is_continued = self._memory.is_continued
        self._study = open_study(
            context, objective, protocol, is_continued=is_continued, session=session
        )
        self._objective = objective
        self._recorder = SweepRecorder(context, objective)
        curve = protocol.get("curve")
        self._curve = [str(metric) for metric in curve] if isinstance(curve, Sequence) else []
        self._waits, self._hang_watch = Waits(), HangWatch()
        self._budget, self._rungs = context.sweep.budget_images, context.sweep.rung_images
        self._images_seen = {r.number: r.images for r in self._study.records()}
        """By trial, as last told: ahead of the study, which hears at rungs."""
        if is_continued:  # they may have failed just before the death
            for record in self._study.records():
                if record.state is TrialState.FAILED:
                    self._record_if_ended(record.number)
        self._memory.note_opened()

    @property
    def _is_stopping(self) -> bool:
        return self._memory.state.is_stopping

    def is_open(self) -> bool:
        """Answer, once the study is open."""
        return True

    # Leases, for packs

    def lease(
        self,
        owner: str,
        count: int,
        stratum: Mapping[str, object] | None,
        known: Collection[LeaseId] | None = None,
    ) -> list[Lease]:
        """Hand out up to `count` trials of one stratum; None: of the one that most needs it.

        `known` are numbers and attempts of what the pack holds already: what it holds besides, by
        an answer that it never got, comes first. None: it got all.
        """
        self._hang_watch.hear(owner)
        self._expire_leases()
        packs = self._memory.state.packs
        if self._is_stopping or owner in packs.ended:
            return []
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
        """Keep the pack's leases; `seen` are images, by trial.

        Return after how many seconds it may come again, or None: it is to stop.
        """
        self._memory.note_alive()
        self._hang_watch.hear(owner)
        self._study.heartbeat(owner)
        held = {number for number, _ in self._study.held(owner)}
        self._images_seen |= {n: images for n, images in seen.items() if n in held}
        packs = self._memory.state.packs
        is_wanted = not self._is_stopping and owner not in packs.ended
        if not is_wanted or self._study.stop_reason() not in GO_ON:
            return None
        return min(len(packs.begun) / BEATS_PER_S, LEASE_S / 5)

    def note_wait(self, owner: str, waits_for: str) -> None:
        """Keep the leases of a pack that a server keeps waiting, and tell the driver of that."""
        self._hang_watch.hear(owner)
        self._study.heartbeat(owner)
        self._waits.note(owner, waits_for)

    def release_all(self, owner: str) -> None:
        """Let the trials of a pack that starts anew wait again; not counted against them."""
        self._study.release(owner)

    def held(self, owner: str) -> list[LeaseId]:
        """Tell which trials the pack holds, with the attempt of each."""
        return self._study.held(owner)

    def _expire_leases(self) -> None:
        # A call that waited, as for room on a full disk, has kept all packs from being heard.
        if deaf := self._hang_watch.listen():
            self._study.forgive(deaf)
        for number in self._study.expire():
            self._record_if_ended(number)
        self._end_pruned()

    def _end_pruned(self) -> None:
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

    # Trials, as packs tell of them

    def report_rungs(self, owner: str, reports: Sequence[TrialReport]) -> list[Verdict]:
        """Keep what trials measured; return the verdict on each: continue, wait, prune or lost."""
        with self._study.transaction():
            verdicts = [self._report_and_decide(owner, report) for report in reports]
        for report, verdict in zip(reports, verdicts, strict=True):
            _log.debug("trial %d at %d images: %s", report.number, report.images, verdict)
            if verdict is not Verdict.LOST:
                self._recorder.report(report)
        self._end_pruned()
        return verdicts

    def _report_and_decide(self, owner: str, report: TrialReport) -> Verdict:
        try:
            lease = self._study.lease_of(owner, report.number, report.attempt)
        except StaleLease:
            return Verdict.LOST
        self._images_seen[report.number] = report.images
        rung = self._rung(report.images)
        return self._study.report(lease, report.images, report.metrics, rung)

    def _rung(self, images: int) -> int:
        """The rung that a trial is at: whole batches pass it by a few images."""
        return min(self._rungs, key=lambda rung: abs(rung - images))

    def choose_donor(self, owner: str, number: int, images: int, here: Sequence[int]) -> int | None:
        """Choose which of the trials `here` trial `number` should copy; None: it keeps its own
        weights."""
        lease, rung = self._study.lease_of(owner, number), self._rung(images)
        sign = self._objective.sign
        values = {n: sign * value for n, value in self._study.peers(lease, rung).items()}
        return choose_donor(values, number, here, lease.seed, rung)

    def record_copy(self, owner: str, number: int, copy: StateCopy) -> None:
        """Record that the trial goes on from another one's state, with other values."""
        self._study.lease_of(owner, number)
        self._recorder.record_copy(number, copy)

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

    def finish(self, owner: str, ends: Sequence[TrialEnd]) -> None:
        """End trials, but for those that have ended, or that others have by now.

        Those that wait for their cohort are set aside.
        """
        with self._study.transaction():
            for end in ends:
                with suppress(StaleLease):
                    lease = self._study.lease_of(owner, end.number, end.attempt)
                    if end.waits:
                        self._set_aside(lease, end)
                    else:
                        self._finish(lease, end)
        self._end_pruned()

    def _set_aside(self, lease: Lease, end: TrialEnd) -> None:
        """Let a trial wait; the tracker is told its curve first, as by `_finish`."""
        self._recorder.record_learning(end.number, end.tracked_points)
        self._study.set_aside(lease, self._rung(end.images), end.stored(end.state))
        self._images_seen[end.number] = end.images
        _log.debug("trial %d waits at %d images", end.number, end.images)
        self._recorder.rest_trial(end.number)

    def _finish(self, lease: Lease, end: TrialEnd) -> None:
        """Tell the tracker first: a crash in between repeats that, and the study has the last
        word."""
        number, report = end.number, end.report
        metrics = {} if report is None else report.metrics
        resolved = self._study.resolve_end(lease, end.state, end.cause, metrics)
        if resolved is None:
            return
        self._images_seen[number] = end.images
        _log.debug("trial %d ends: %s %s", number, resolved.state, resolved.cause)
        self._recorder.record_learning(number, end.tracked_points)
        if report is not None:
            self._study.measure(lease, self._rung(report.images), metrics)
            self._recorder.report(report)
        self._recorder.record_curves(number, end.images, end.curves, self._curve)
        # One that was evaluated, and reported before it ended, has its last metrics in the study.
        is_told = report is None and end.artifacts is not None
        last = self._study.record(number).metrics if is_told else metrics
        last = {**last, **interval_ends(end.intervals)}
        self._recorder.end_trial(number, resolved.state, resolved.cause, last, end.lineage)
        self._study.finish(lease, resolved, end.images, end.stored(resolved.state))

    def _record_if_ended(self, number: int) -> None:
        """Tell the tracker of a trial that was lost so often that it has failed."""
        record = self._study.record(number)
        if record.state.ended:
            self._recorder.end_trial(number, record.state, record.cause, record.metrics)

    # Packs

    def register_nodes(self, owner: str, nodes: set[str]) -> None:
        """Keep the ids of the nodes that end the pack if they end."""
        with self._memory.change() as state:
            state.packs.nodes[owner] = sorted(nodes)

    def register_actor(self, owner: str, actor: str) -> None:
        """Keep Ray's id of the pack's own process, by which it can be ended."""
        with self._memory.change() as state:
            state.packs.actors[owner] = actor

    def hung_packs(self) -> list[str]:
        """Tell the actors of packs that hang; that is what they will have died of."""
        packs = self._memory.state.packs
        hung = [o for o in self._hang_watch.hung(packs.begun) if o in packs.actors]
        if any(packs.errors.get(owner) != CAUSE for owner in hung):
            with self._memory.change():
                packs.errors |= dict.fromkeys(hung, CAUSE)
        return [packs.actors[owner] for owner in hung]

    def record_pack_error(self, owner: str, traceback: str) -> None:
        """Keep the traceback that ends the pack, with each of its trials."""
        with self._memory.change() as state:
            state.packs.record_error(owner, traceback)
        numbers = [number for number, _ in self._study.held(owner)]
        self._recorder.record_error(numbers, traceback)

    def add_usage(self, owner: str, lane_seconds: Mapping[str, float]) -> None:
        """Keep what a pack's lanes have done with their time since it began."""
        with self._memory.change() as state:
            state.packs.lane_seconds[owner] = dict(lane_seconds)

    def pack_status(self, owner: str) -> PackStatus:
        """Tell whether the pack has asked for trials, and on which nodes it runs."""
        return self._memory.state.packs.status(owner)

    def end_pack(self, owner: str, *, died: bool, host_lost: bool = False) -> None:
        """Let the trials of an ended pack wait for another, or fail if packs keep dying of them.

        `host_lost`: it died as a host of it was lost, which is rarely a trial's doing.
        """
        packs = self._memory.state.packs
        if owner in packs.ended:
            return
        cause = packs.cause(owner, host_lost=host_lost) if died else ""
        _log.debug("%s ends%s", owner, f": it died of {cause}" if died else "")
        if died:
            for number in self._study.fail_owner(owner, cause, host=host_lost):
                self._record_if_ended(number)
        else:
            self._study.release(owner)
        self._end_pruned()
        with self._memory.change() as state:
            state.packs.end(owner, cause)
            state.notes += [f"a pack died of {cause}"] * died

    # The sweep as a whole, for the driver

    def has_waiting_trials(self) -> bool | None:
        """Return whether a trial waits for a lane; None once nothing more will be handed out."""
        self._expire_leases()
        if self._is_stopping or self._study.stop_reason() is not None:
            return None
        return self._study.next_stratum() is not None

    def summary(self) -> ProgressSummary:
        """Tell how far the sweep is."""
        self._memory.note_alive()
        counts, records = self._study.summary(), self._study.ranked()
        ended = [r.number for r in records if r.state.ended]
        images = sum(self._images_seen.values())
        saved = sum(self._budget - self._images_seen.get(number, 0) for number in ended)
        return ProgressSummary(
            states=counts.states,
            images=images,
            images_left=max(0, counts.target * self._budget - images - saved),
            metric=self._objective.metric,
            best=best_mean(records, self._objective),
            leader=leading_value(records, self._objective),
            notes=tuple(self._memory.state.notes),
            last_death=self._memory.state.packs.last_death(),
            waits=self._waits.now() or self._recorder.waits(),
            cost=self._study.cost(),
            not_begun=max(0, counts.target - len(records)),
        )

    def usage(self) -> dict[str, float]:
        """Tell the lane-seconds of all packs in this session, by kind."""
        return self._memory.state.packs.usage()

    def stop_reason(self) -> StopReason | None:
        """Tell which limit of the study was reached, if one was."""
        return self._study.stop_reason()

    def run_id(self, number: int) -> str | None:
        """Tell the tracker's id of the trial, once it has one."""
        return self._recorder.run_id(number)

    def view_link(self) -> str | None:
        """Tell the address of the sweep in the tracker's UI, once the tracker has the sweep."""
        return self._recorder.view_link()

    def tracker_loss(self) -> str:
        """Tell what the tracker lost, and why it lags, in one line; empty if all is well."""
        return self._recorder.loss()

    def keep_report(self, facts: Mapping[str, object]) -> None:
        """Keep in the ledger what a report states besides trials, for `gensweep report`."""
        self._study.keep_report(facts)

    def stop(self) -> None:
        """Let packs stop at their next heartbeat; their trials stay in the study."""
        with self._memory.change() as state:
            state.is_stopping = True

    def complete(
        self, files: Mapping[str, bytes], summary: Mapping[str, float], error: str
    ) -> bool:
        """Record the sweep's report, figures and end; whether the tracker has everything.

        `error` says why packs kept dying; empty if they did not. Trials that were begun and have
        not ended wait from now on.
        """
        for record in self._study.records():
            if record.attempts and not record.state.ended:
                self._recorder.rest_trial(record.number)
        return self._recorder.complete(files, summary, *self._sweep_end(error))

    def _sweep_end(self, error: str) -> tuple[TrialState, str]:
        """State and cause of the sweep as a whole, for the tracker."""
        if error:
            return TrialState.FAILED, error
        if self._is_stopping:
            return TrialState.CANCELLED, "interrupted; --resume goes on"
        reason = self._study.stop_reason()
        return TrialState.COMPLETED, "" if reason is StopReason.TRIALS else f"the limit of {reason}"

    def close(self) -> None:
        """Close the study and the tracker; checkpoints of a sweep that is done go."""
        if self._study.stop_reason() is StopReason.TRIALS:
            self._recorder.drop_checkpoints()
        self._study.close()
        self._recorder.close()
