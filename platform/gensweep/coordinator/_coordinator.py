"""The actor beside the driver that decides: it owns the study, and records what it hears."""

from collections.abc import Collection, Mapping, Sequence

from gensweep.budget import StopReason
from gensweep.coordinator._coordinator_parts import open_parts
from gensweep.coordinator._pack_ends import PackEnds
from gensweep.coordinator._pack_leases import PackLeases
from gensweep.coordinator._pack_status import PackStatus
from gensweep.coordinator._progress_summary import ProgressSummary, summarise
from gensweep.coordinator._waits import Waits
from gensweep.objective import Objective
from gensweep.population import choose_donor
from gensweep.spec import RunContext
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    StateCopy,
    TrialEnd,
    TrialReport,
    TrialState,
    Verdict,
)


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
        parts = open_parts(context, objective, protocol, session)
        self._study, self._recorder, self._memory = parts.study, parts.recorder, parts.memory
        self._results, self._hang_watch, self._waits = parts.results, parts.hang_watch, Waits()
        self._pack_leases, self._pack_ends = PackLeases(parts), PackEnds(parts)

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
        return self._pack_leases.lease(owner, count, stratum, known)

    def heartbeat(self, owner: str, seen: Mapping[int, int]) -> float | None:
        """Keep the pack's leases; `seen` are images, by trial.

        Return after how many seconds it may come again, or None: it is to stop.
        """
        return self._pack_leases.heartbeat(owner, seen)

    def note_wait(self, owner: str, waits_for: str) -> None:
        """Keep the leases of a pack that a server keeps waiting, and tell the driver of that."""
        self._pack_leases.hear(owner)
        self._waits.note(owner, waits_for)

    def release_all(self, owner: str) -> None:
        """Let the trials of a pack that starts anew wait again; not counted against them."""
        self._study.release(owner)

    def held(self, owner: str) -> list[LeaseId]:
        """Tell which trials the pack holds, with the attempt of each."""
        return self._study.held(owner)

    # Trials, as packs tell of them

    def report_rungs(self, owner: str, reports: Sequence[TrialReport]) -> list[Verdict]:
        """Keep what trials measured; return the verdict on each: continue, wait, prune or lost."""
        return self._results.report_rungs(owner, reports)

    def choose_donor(self, owner: str, number: int, images: int, here: Sequence[int]) -> int | None:
        """Choose which of the trials `here` trial `number` should copy; None: it keeps its own
        weights."""
        lease, rung = self._study.lease_of(owner, number), self._results.rung(images)
        sign = self._study.spec.objective.sign
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
        return self._results.checkpoint(owner, leases, pointer)

    def finish(self, owner: str, ends: Sequence[TrialEnd]) -> None:
        """End trials, but for those that have ended, or that others have by now.

        Those that wait for their cohort are set aside.
        """
        self._results.finish(owner, ends)

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
        return self._pack_ends.hung_packs()

    def record_pack_error(self, owner: str, traceback: str) -> None:
        """Keep the traceback that ends the pack, with each of its trials."""
        self._pack_ends.record_error(owner, traceback)

    def add_usage(self, owner: str, lane_seconds: Mapping[str, float]) -> None:
        """Keep what a pack's lanes have done with their time since it began."""
        if owner in self._memory.state.packs.ended:  # what it had told is counted
            return
        with self._memory.change() as state:
            state.packs.lane_seconds[owner] = dict(lane_seconds)

    def pack_status(self, owner: str) -> PackStatus:
        """Tell what is known of the pack, and how much is recorded of all trials."""
        return self._pack_ends.status(owner)

    def end_pack(self, owner: str, *, died: bool, host_lost: bool = False) -> None:
        """Let the trials of an ended pack wait for another, or fail if packs keep dying of them.

        `host_lost`: it died as a host of it was lost, which is rarely a trial's doing.
        """
        self._pack_ends.end(owner, died=died, host_lost=host_lost)

    # The sweep as a whole, for the driver

    def has_waiting_trials(self) -> bool | None:
        """Return whether a trial waits for a lane; None once nothing more will be handed out."""
        return self._pack_leases.has_waiting()

    def summary(self) -> ProgressSummary:
        """Tell how far the sweep is."""
        self._memory.note_alive()
        waits = self._waits.now() or self._recorder.waits()
        return summarise(self._study, self._results.images_seen, self._memory.state, waits)

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
        if self._memory.state.is_stopping:
            return TrialState.CANCELLED, "interrupted; --resume goes on"
        reason = self._study.stop_reason()
        return TrialState.COMPLETED, "" if reason is StopReason.TRIALS else f"the limit of {reason}"

    def close(self) -> None:
        """Close the study and the tracker; checkpoints of a sweep that is done go."""
        if self._study.stop_reason() is StopReason.TRIALS:
            self._recorder.drop_checkpoints()
        self._study.close()
        self._recorder.close()
