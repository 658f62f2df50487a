"""Checkpoints of a pack's lanes: stored in the background, told to the coordinator, read again."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from gensweep.storage import Checkpoints, ObjectStore, load_stored_lane
from gensweep.trial import CheckpointPointer, LanePointer, LeaseId
from gensweep.worker._background import BackgroundQueue

_log = logging.getLogger(__name__)
KEPT = 2
"""Checkpoints that a pack keeps: the newest may be torn by a death while it is written."""

RecordCheckpoint = Callable[[Sequence[LeaseId], CheckpointPointer], Sequence[LeaseId]]
"""Tells the coordinator where trials are stored; returns the leases that hold no longer."""


class LaneCheckpoints:
    """Stores the lanes of one pack on the thread of `uploads`, in the order of its calls."""

    def __init__(
        self,
        store: ObjectStore,
        sweep: str,
        owner: str,
        uploads: BackgroundQueue,
        record: RecordCheckpoint,
    ):
        self._store, self._sweep, self._owner = store, sweep, owner
        self._uploads, self._record = uploads, record
        self._lost: list[LeaseId] = []
        self._open(owner)

    def _open(self, folder: str) -> None:
        self._folder, self._step = folder, 0
        self._checkpoints = self._checkpoints_in(folder)

    def _checkpoints_in(self, folder: str) -> Checkpoints:
        return Checkpoints(self._store, f"sweeps/{self._sweep}/checkpoints/{folder}")

    def open_next_folder(self) -> None:
        """Write to another folder: what stands in this one stays, for the pack that goes on."""
        self._open(f"{self._folder}-again")

    def write(self, lanes: Mapping[LeaseId, bytes]) -> list[LeaseId]:
        """Store lanes, by lease, in the background; return the lost leases of earlier calls."""
        self._step += 1
        self._uploads.submit(self._write, self._step, lanes)
        lost = self._lost[:]
        del self._lost[: len(lost)]  # the thread may add more meanwhile
        return lost

    def _write(self, step: int, lanes: Mapping[LeaseId, bytes]) -> None:
        named = {str(number): data for (number, _), data in lanes.items()}
        begin = time.monotonic()
        written = self._checkpoints.write(step, named, {"owner": self._owner})
        seconds = time.monotonic() - begin
        _log.debug("checkpoint %s: %d bytes in %.2f s", written.key, written.size, seconds)
        self._lost.extend(self._record(list(lanes), {"owner": self._folder, "step": step}))
        self._checkpoints.prune(KEPT)

    def read(self, pointer: LanePointer, number: int) -> bytes | None:
        """Read a trial's last checkpoint that verifies; None: it begins again."""
        try:
            if "place" in pointer:  # it was set aside
                return load_stored_lane(self._store, pointer, number)
            return self._checkpoints_in(pointer["owner"]).read_lane(str(number))[0]
        except LookupError:
            return None
