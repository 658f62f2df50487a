"""The coordinator as a pack on a worker talks to it.

Questions go to the sweep's actor; checkpoints and weights go straight to the object store, in the
background, and the actor hears of them once they are durable.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from gensweep.storage import ObjectStore, TrialArtifacts, TrialArtifactWriter
from gensweep.trial import (
    CheckpointPointer,
    LanePointer,
    Lease,
    LeaseId,
    StateCopy,
    TrialEnd,
    TrialReport,
    Verdict,
)
from gensweep.worker._background import BackgroundQueue
from gensweep.worker._lane_checkpoints import LaneCheckpoints
from gensweep.worker._pack_calls import Ask, PackCalls
from gensweep.worker._protocol import CoordinatorProtocol, Order, Stratum

_log = logging.getLogger(__name__)
HEARTBEAT_S = 2.5
"""Shorter than the time between two lines of progress, which tell what was seen meanwhile."""
FIRST_CHECKPOINT_S, CHECKPOINT_S = 1.0, 30.0
"""How soon a pack first saves its lanes, so that an early death loses little; how often later."""
ARTIFACT_BYTES = 32 << 20
"""Weights that wait to be stored together; as much again may be on its way."""


class CoordinatorClient:
    """Asks the coordinator in the name of one pack; see `CoordinatorProtocol`.

    An error in the background (the store is full, the actor is gone) is raised by a later call.
    """

    def __init__(
        self,
        ask: Ask,
        owner: str,
        store: ObjectStore,
        sweep: str,
        is_draining: Callable[[], bool] = lambda: False,
    ):
        self._ask, self.owner, self._is_draining = ask, owner, is_draining
        self._artifacts = TrialArtifactWriter(store, sweep, owner)
        self._ended: list[tuple[TrialEnd, TrialArtifacts]] = []
        self._uploads = BackgroundQueue(threads=1, backlog=2)
        self._checkpoints = LaneCheckpoints(
            store, sweep, owner, self._uploads, self._record_checkpoint
        )
        # One thread asks while the pack trains, so that reports and leases keep their order.
        self._asking = ThreadPoolExecutor(1)
        self._prefetched: Future[list[Lease]] | None = None
        self._known: dict[int, int] = {}
        """Attempts of the trials that were leased and whose ends the actor does not know."""
        self._lane_seconds: Counter[str] = Counter()
        self._report_errors: list[Exception] = []
        """Why reports did not arrive: then no later one does, nor an end."""
        self._reports, self._verdicts = (
            SimpleQueue[TrialReport](),
            SimpleQueue[dict[LeaseId, Verdict]](),
        )
        self._sending: list[Future[None]] = []
        self._stopped, self._beat_s = False, HEARTBEAT_S
        self._seen: dict[int, int] = {}
        """Images by trial, as last told."""
        self._last_beat = self._last_wait = time.monotonic()
        self._last_checkpoint = self._last_beat - CHECKPOINT_S + FIRST_CHECKPOINT_S

    # Leases

    def lease(self, count: int, stratum: Stratum | None) -> Sequence[Lease]:
        """Return prefetched leases first, then others; none once the pack is to stop."""
        self._send_ends()
        if self._stopped:
            return []
        leases = [] if self._prefetched is None else self._prefetched.result()
        self._prefetched = None
        if len(leases) < count:
            leases = [*leases, *self._ask_leases(count - len(leases), stratum)]
        for lease in leases:
            _log.debug("leases trial %d for its attempt %d", lease.number, lease.attempt)
        return leases

    def prefetch_leases(self, count: int, stratum: Stratum | None) -> None:
        """Prefetch `count` leases in the background."""
        self._prefetched = self._asking.submit(self._ask_leases, count, stratum)

    def _ask_leases(self, count: int, stratum: Stratum | None) -> list[Lease]:
        leases = self._ask(PackCalls.lease, count, stratum, list(self._known.items()))
        self._known |= {lease.number: lease.attempt for lease in leases}
        return leases

    def heartbeat(self, seen: Mapping[int, int]) -> Order:
        """Ask every `HEARTBEAT_S` whether to go on; order a checkpoint every `CHECKPOINT_S`.

        Less often where the coordinator has so many packs to hear that it says so. `seen` are the
        images by trial: a pack that trains none has nothing to save.
        """
        self._seen = dict(seen)
        self.note_alive()
        if self._stopped:
            return "stop"
        now = time.monotonic()
        if seen and now - self._last_checkpoint >= CHECKPOINT_S:
            self._last_checkpoint = now
            return "save"
        return "go"

    def note_alive(self) -> None:
        """Tell every `HEARTBEAT_S` that the pack lives, in the midst of long work, too.

        What the answer orders the next `heartbeat` says.
        """
        now = time.monotonic()
        if now - self._last_beat >= self._beat_s:
            self._last_beat = now
            pause = self._ask(PackCalls.heartbeat, self._seen)
            self._stopped = pause is None or self._is_draining()
            self._beat_s = max(HEARTBEAT_S, pause or 0.0)

    def release_all(self) -> None:
        """Let the pack's trials wait again; their ends that were told are kept first."""
        self.settle()
        self.verdicts(wait=True)
        if self._prefetched is not None:  # what it brings must be given back, too
            self._prefetched.result()
            self._prefetched = None
        self._ask(PackCalls.release_all)
        self._known.clear()
        self._checkpoints.open_next_folder()

    # Reports and verdicts

    def report(self, report: TrialReport) -> None:
        """Send a report in the background; those that wait together go as one call."""
        self._reports.put(report)
        self._sending.append(self._asking.submit(self._send_reports))

    def _send_reports(self) -> None:
        reports = [self._reports.get() for _ in range(self._reports.qsize())]
        if self._report_errors:
            raise self._report_errors[0]
        try:
            if reports:
                answer = self._ask(PackCalls.report_rungs, reports)
                verdicts = {r.lease: v for r, v in zip(reports, answer, strict=True)}
                _log.debug("verdicts %s", {number: str(v) for (number, _), v in verdicts.items()})
                self._verdicts.put(verdicts)
        except Exception as error:
            self._report_errors.append(error)
            raise

    def verdicts(self, *, wait: bool) -> dict[LeaseId, Verdict]:
        """Return the verdicts that have come; raises what kept a report from arriving."""
        while self._sending and (wait or self._sending[0].done()):
            self._sending.pop(0).result()
        verdicts: dict[LeaseId, Verdict] = {}
        for _ in range(self._verdicts.qsize()):
            verdicts |= self._verdicts.get()
        return verdicts

    def choose_donor(self, number: int, images: int, here: Sequence[int]) -> int | None:
        """Ask which of the trials `here` trial `number` should copy."""
        return self._ask(PackCalls.choose_donor, number, images, list(here))

    def record_copy(self, number: int, copy: StateCopy) -> None:
        """Tell that trial `number` goes on from another one's state."""
        self._ask(PackCalls.record_copy, number, copy)

    # Checkpoints

    def checkpoints(self, lanes: Mapping[LeaseId, bytes]) -> list[LeaseId]:
        """Store the lanes while the pack trains on; return the lost leases of earlier calls."""
        self._uploads.check()
        return self._checkpoints.write(lanes)

    def _record_checkpoint(
        self, leases: Sequence[LeaseId], pointer: CheckpointPointer
    ) -> Sequence[LeaseId]:
        return self._ask(PackCalls.checkpoint, leases, pointer)

    def restore(self, pointer: LanePointer, number: int) -> bytes | None:
        """Read the lane's last checkpoint that verifies; None: begin again."""
        return self._checkpoints.read(pointer, number)

    # Ends

    def finish(self, end: TrialEnd, weights: bytes, png: bytes, rungs: Mapping[int, bytes]) -> None:
        """Keep the trial's end with those of the same time, until the pack trains on."""
        left = TrialArtifacts(number=end.number, weights=weights, png=png, rungs=rungs)
        self._ended.append((end, left))
        if sum(len(artifacts.weights) for _, artifacts in self._ended) > ARTIFACT_BYTES:
            self._send_ends()

    def _send_ends(self) -> None:
        """Store and tell in the background what has ended."""
        self._uploads.check()
        if self._ended:
            self._uploads.submit(self._store_and_tell, self._ended, self._sending[-1:])
            self._ended = []

    def _store_and_tell(
        self, ended: list[tuple[TrialEnd, TrialArtifacts]], reported: list[Future[None]]
    ) -> None:
        """Store what trials leave, and end them once their last reports have arrived.

        In this order, so that a trial which the study knows as ended has its weights.
        """
        pointer = self._artifacts.write(artifacts for _, artifacts in ended)
        ends = [
            replace(end, artifacts=pointer if artifacts.blobs else None)
            for end, artifacts in ended
        ]  # fmt: skip
        wait(reported)
        if self._report_errors:
            raise self._report_errors[0]
        self._ask(PackCalls.finish, ends)
        for end in ends:
            if self._known.get(end.number) == end.attempt:  # not leased anew meanwhile
                del self._known[end.number]

    def settle(self) -> None:
        """Wait until every end that was told is stored and known to the coordinator."""
        self._send_ends()
        self._uploads.wait()

    # The pack itself

    def note_wait(self, waits_for: str) -> None:
        """Tell what server keeps the pack waiting, in whatever thread: it has not fallen silent."""
        if time.monotonic() - self._last_wait >= HEARTBEAT_S:
            self._last_wait = time.monotonic()
            self._ask(PackCalls.note_wait, waits_for)

    def add_usage(self, lane_seconds: Mapping[str, float]) -> None:
        """Tell what the pack's lanes did with their time: its sum so far, which may come twice."""
        self._lane_seconds.update(lane_seconds)
        self._ask(PackCalls.add_usage, dict(self._lane_seconds))

    def record_pack_error(self, traceback: str) -> None:
        """Tell that the pack ends by an error."""
        self._ask(PackCalls.record_pack_error, traceback)


if TYPE_CHECKING:

    def _is_a_coordinator(client: CoordinatorClient) -> CoordinatorProtocol:
        return client
