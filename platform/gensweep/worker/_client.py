"""The coordinator of the sweep as a pack on a worker talks to it."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any

from gensweep.storage import Checkpoints, ObjectStore, TrialArtifactWriter, TrialEnd
from gensweep.trial import TrialState
from gensweep.worker._background import BackgroundQueue

HEARTBEAT_S = 2.5
"""Shorter than the time between two lines of progress, which tell what was seen meanwhile."""
FIRST_CHECKPOINT_S, CHECKPOINT_S = 5.0, 30.0
SHELF_BYTES = 32 << 20
"""Weights that wait to be stored together; as much again may be on its way."""
Ask = Callable[..., Any]
"""Asks the coordinator a question by its name, for one pack."""


def ask_through_ray(actor: Any, owner: str) -> Ask:
    """Questions of the pack `owner` to the sweep's actor."""
    import ray

    return lambda method, *args: ray.get(getattr(actor, method).remote(owner, *args))


class CoordinatorClient:
    """The coordinator of the sweep as a pack sees it; checkpoints and weights go straight to
    the store."""

    def __init__(self, ask: Ask, owner: str, store: ObjectStore, sweep: str,
                 leaves: Callable[[], bool] = lambda: False):  # fmt: skip
        self._ask, self.owner, self._leaves = ask, owner, leaves
        self._store, self._sweep = store, sweep
        self._begin(owner)
        self._shelf, self._ends = TrialArtifactWriter(store, sweep, owner), list[TrialEnd]()
        self._later = BackgroundQueue(threads=1, backlog=2)
        self._lost: list[int] = []
        self._asking = ThreadPoolExecutor(1)
        self._coming: Future[Any] | None = None
        self._unheard: list[Exception] = []
        """Why reports did not reach the coordinator: no later one does, nor an end."""
        self._reports, self._heard = SimpleQueue[Any](), SimpleQueue[dict[int, str]]()
        self._telling: list[Future[None]] = []
        self._stopped = False
        self._beat = time.monotonic()
        self._saved = self._beat - CHECKPOINT_S + FIRST_CHECKPOINT_S

    def _begin(self, place: str) -> None:
        """Keep checkpoints at another place: those at the one before stay, for who goes on."""
        self._place, self._step = place, 0
        self._checkpoints = self._checkpoints_at(place)

    def _checkpoints_at(self, place: str) -> Checkpoints:
        return Checkpoints(self._store, f"sweeps/{self._sweep}/checkpoints/{place}")

    def lease(self, count: int, stratum: dict[str, Any] | None) -> Any:
        self._send()
        if self._stopped:
            return []
        came = [] if self._coming is None else self._coming.result()
        self._coming = None
        if len(came) < count:
            came = [*came, *self._ask("lease", count - len(came), stratum)]
        return came

    def expect(self, count: int, stratum: dict[str, Any] | None) -> None:
        """Let the coordinator choose while the pack does something else."""
        self._coming = self._asking.submit(self._ask, "lease", count, stratum)

    def report(self, number: int, images: int, metrics: dict[str, float], png: bytes) -> None:
        self._reports.put((number, images, metrics, png))
        self._telling.append(self._asking.submit(self._tell))

    def _tell(self) -> None:
        """All reports that wait, in one call."""
        reports = [self._reports.get() for _ in range(self._reports.qsize())]
        if self._unheard:
            raise self._unheard[0]
        try:
            if reports:
                self._heard.put(self._ask("reports", reports))
        except Exception as error:
            self._unheard.append(error)
            raise

    def verdicts(self, all_of_them: bool) -> dict[int, str]:
        while self._telling and (all_of_them or self._telling[0].done()):
            self._telling.pop(0).result()
        verdicts: dict[int, str] = {}
        for _ in range(self._heard.qsize()):
            verdicts |= self._heard.get()
        return verdicts

    def better(self, number: int, images: int, here: list[int]) -> int | None:
        found: int | None = self._ask("better", number, images, here)
        return found

    def copied(self, number: int, copy: dict[str, Any]) -> None:
        self._ask("copied", number, copy)

    def heartbeat(self, seen: dict[int, int]) -> str:
        now = time.monotonic()
        if now - self._beat >= HEARTBEAT_S:
            self._beat = now
            self._stopped = not self._ask("heartbeat", seen) or self._leaves()
        if self._stopped:
            return "stop"
        if now - self._saved >= CHECKPOINT_S:
            self._saved = now
            return "save"
        return "go"

    def checkpoints(self, lanes: dict[int, bytes]) -> list[int]:
        """Store the lanes while the pack trains on; the lost ones of the times before.

        Steps go on from one pack of the owner to the next, as pruning needs.
        """
        self._later.check()
        self._step += 1
        self._later.do(self._checkpoint, self._step, lanes)
        lost = self._lost[:]
        del self._lost[: len(lost)]
        return lost

    def _checkpoint(self, step: int, lanes: dict[int, bytes]) -> None:
        named = {str(number): data for number, data in lanes.items()}
        self._checkpoints.write(step, named, {"owner": self.owner})
        lost = self._ask("checkpoint", list(lanes), {"owner": self._place, "step": step})
        self._lost.extend(lost)
        self._checkpoints.prune(2)

    def restore(self, pointer: dict[str, Any], number: int) -> bytes | None:
        """The lane's last checkpoint that verifies, or None: begin again."""
        try:
            return self._checkpoints_at(pointer["owner"]).read_lane(str(number))[0]
        except LookupError:
            return None

    def finish(self, number: int, state: TrialState, cause: str, result: dict[str, Any]) -> None:
        """Keep the trial's end with those of the same time, once the pack trains on."""
        result = dict(result)
        blobs = {name: result.pop(name, b"") for name in ("weights", "png")}
        self._ends.append(TrialEnd(number, state, cause, result, **blobs))
        if sum(len(end.weights) for end in self._ends) > SHELF_BYTES:
            self._send()

    def _send(self) -> None:
        """Store and tell in the background what has ended."""
        self._later.check()
        if self._ends:
            self._later.do(self._keep, self._ends, self._telling[-1:])
            self._ends = []

    def _keep(self, ends: list[TrialEnd], reported: list[Future[None]]) -> None:
        """Store what trials leave, and end them once their last reports are with the
        coordinator."""
        kept = self._shelf.put(ends)
        told = [
            (e.number, e.state, e.cause, e.result | {"kept": kept if e.blobs else {}}) for e in ends
        ]
        wait(reported)
        if self._unheard:
            raise self._unheard[0]
        self._ask("finish", told)

    def settle(self) -> None:
        """Wait until every end that was told is kept."""
        self._send()
        self._later.wait()

    def give_back(self) -> None:
        """Let the pack's trials wait again; their ends that were told are kept first."""
        self.settle()
        self.verdicts(True)
        if self._coming is not None:
            self._coming.result()
            self._coming = None
        self._ask("give_back")
        self._begin(f"{self._place}-again")

    def used(self, lane_seconds: dict[str, float]) -> None:
        """Tell what the pack's lanes did with their time."""
        self._ask("used", lane_seconds)

    def died(self, error: str) -> None:
        """The pack ends by an error, of which this is the traceback."""
        self._ask("died", error)
