"""A durable queue on disk: JSON lines in segments, and how far they have been delivered.

    DIR/000000000001.jsonl   events, one a line; the first line of a segment is a snapshot of marks
    DIR/acked                {"segment": 1, "offset": 4711}
    DIR/blobs/17/name.png    the file that belongs to event 17

An event is written (not buffered) before `put` returns, so it outlives its process; `fsync`, which
makes it outlive the machine, is done for batches. What was delivered but not yet acknowledged is
delivered again: deliveries must be idempotent.
"""

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from gensweep.errors import UserError, refuse_unreadable
from gensweep.files import FileLockedError, cut_torn_line, lock_file, sync, write_atomically
from gensweep.patience import write_patiently

SEGMENT_BYTES = 4 << 20
Event = dict[str, Any]


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """A place in the spool: a segment's number, and a byte within it."""

    segment: int
    offset: int


class Spool:
    """A durable queue of events in a folder, which one process has at a time. Thread safe.

    Raises `UserError` if another process has the folder. Segments of some `segment_bytes` are
    deleted when all their events are acknowledged; the first line of each repeats `marks`, which
    would be lost with the segments before. So those of trials that ended are forgotten a segment
    later: the line would grow with a sweep, and its writing would hold up all packs.
    """

    def __init__(self, directory: str | os.PathLike[str], *,
                 segment_bytes: int = SEGMENT_BYTES) -> None:  # fmt: skip
        self.directory = Path(directory)
        self._segment_bytes = segment_bytes
        self._lock = threading.RLock()
        self.arrived = threading.Condition(self._lock)
        (self.directory / "blobs").mkdir(parents=True, exist_ok=True)
        self._own = self._take_ownership()
        self.marks: dict[str, int] = {}
        """The last value spooled under each name (see `put`), kept across restarts."""
        self._closed, self._closed_before = set[str](), set[str]()
        """Whose marks no event asks for any more, by events of this segment and of the last."""
        self._next_id = 1
        self._unsynced: list[Path] = []
        self._segment, self._size, self._out = 0, 0, -1
        self._snapshot_bytes = 0
        """Bytes of the segment's snapshot, which grows with the sweep and does not fill it."""
        with self._readable():
            self._acked = self._read_acked()
            self._recover()

    def _take_ownership(self) -> FileIO:
        try:
            return lock_file(self.directory / "lock", wait=False)
        except FileLockedError as error:
            raise UserError(f"the spool {self.directory} is in use by another process: wait for "
                            "it to end, or stop it first.") from error  # fmt: skip

    def _readable(self) -> AbstractContextManager[None]:
        return refuse_unreadable(f"the spool {self.directory}", "move it away: what it holds has "
                                 "not reached the tracker, and is lost to that alone")  # fmt: skip

    # Writing

    def put(self, event: Mapping[str, Any], *, name: str = "", data: bytes | None = None) -> int:
        """Append an event, with a file called `name` if there is `data`; returns its number.

        `event["marks"]`, names and numbers, become part of `marks` together with the event. One
        with "closes" is the last of the marks whose names begin with that word and a slash, unless
        one with "opens" follows. A full disk is waited for.
        """
        return write_patiently(self.directory, lambda: self._put(event, name, data))

    def _put(self, event: Mapping[str, Any], name: str, data: bytes | None) -> int:
        with self._lock:
            # The file first: an event whose file is missing could never be delivered, while a
            # file without its event is removed by `_drop_orphans`.
            number = self._next_id
            if data is not None:
                self._write_blob(number, name, data)
            self._append({**event, "id": number, **({"blob": name} if data is not None else {})})
            self._next_id += 1
            self._note(event)
            self.arrived.notify_all()
            return number

    def _note(self, event: Mapping[str, Any]) -> None:
        self.marks.update(event.get("marks") or {})
        if "opens" in event:  # again, where a death came between its end here and in the ledger
            self._closed.discard(event["opens"])
            self._closed_before.discard(event["opens"])
        if "closes" in event:
            self._closed.add(event["closes"])

    def _write_blob(self, number: int, name: str, data: bytes) -> None:
        folder = self.directory / "blobs" / str(number)
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        self._unsynced.append(folder / name)

    def _append(self, event: Event) -> None:
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        if (
            self._size - self._snapshot_bytes + len(line) > self._segment_bytes
            and self._size > self._snapshot_bytes
        ):
            self._roll_segment()
        start = self._size
        try:
            self._write(line)
        except OSError:
            with contextlib.suppress(OSError):  # where the line began is known: nothing to look for
                os.ftruncate(self._out, start)
            raise
        self._size = start + len(line)

    def _write(self, line: bytes) -> None:
        view = memoryview(line)
        while view:
            view = view[os.write(self._out, view) :]

    def _roll_segment(self) -> None:
        # Synced before the next one begins, so that only the last segment can be torn.
        self.sync()
        before = self._segment, self._size, self._out
        self._open_segment(self._segment + 1)
        gone = self._closed_before
        marks = {n: at for n, at in self.marks.items() if n.partition("/")[0] not in gone}
        line = json.dumps({"snapshot": marks, "next": self._next_id}).encode() + b"\n"
        try:
            self._write(line)
        except OSError:  # a full disk: no segment without its snapshot, so the one before goes on
            self._path(self._segment).unlink()
            os.close(self._out)
            self._segment, self._size, self._out = before
            raise
        os.close(before[-1])
        self.marks, self._closed_before, self._closed = marks, self._closed, set()
        self._size = self._snapshot_bytes = len(line)

    def sync(self) -> None:
        """Make everything put so far outlive the machine."""
        # Without the lock, for a disk may take long over this, and `put` is in the sweep's path.
        with self._lock:
            files, self._unsynced = self._unsynced, []
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                sync(file)
        os.fsync(self._out)

    # Reading

    def read(self, start: Position, limit: int) -> list[tuple[Event, Position]]:
        """Read up to `limit` events from `start`, each with the position behind it."""
        events: list[tuple[Event, Position]] = []
        while len(events) < limit and start.segment <= self._segment:
            start = self._read_segment(start, limit - len(events), events)
            if start.segment >= self._segment or len(events) >= limit:
                break
            start = Position(start.segment + 1, 0)
        return events

    def _read_segment(
        self, start: Position, limit: int, out: list[tuple[Event, Position]]
    ) -> Position:
        with open(self._path(start.segment), "rb") as file:
            file.seek(start.offset)
            # A line without its end is one that `put` is writing at this moment: not yet.
            while limit > 0 and (line := file.readline()).endswith(b"\n"):
                start = Position(start.segment, start.offset + len(line))
                with self._readable():
                    event = json.loads(line)
                    self._check(event)
                if "snapshot" not in event:
                    out.append((event, start))
                    limit -= 1
        return start

    @staticmethod
    def _check(event: Event) -> None:
        """`ValueError` for an event whose file would lie elsewhere, to be sent and deleted, or one
        whose tags or parameters are no texts."""
        name = event.get("blob", "file")
        if "snapshot" not in event and type(event["id"]) is not int:
            raise ValueError(f"an event of the number {event['id']!r}")
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"an event with the file {name!r}")
        for kind in ("tags", "params"):
            if not all(isinstance(text, str) for text in dict(event.get(kind) or {}).values()):
                raise ValueError(f"an event with the {kind} {event[kind]!r}")

    def blob_path(self, event: Event) -> Path:
        """The path of the event's file."""
        return self.directory / "blobs" / str(event["id"]) / str(event["blob"])

    @property
    def acked(self) -> Position:
        """The position up to which everything was delivered."""
        return self._acked

    def acknowledge(self, events: list[tuple[Event, Position]]) -> None:
        """Note that these events, the next ones after `acked`, were delivered; delete their files.

        A crash in here costs a second delivery or an orphaned file, never an event.
        """
        if not events:
            return
        # The position before the files: files that were deleted first would be missed when the
        # same events are delivered again.
        with self._lock:
            self._write_acked(events[-1][1])
        for event, _ in events:
            if "blob" in event:
                shutil.rmtree(self.blob_path(event).parent, ignore_errors=True)
        for segment in self._segments():
            if segment < self._acked.segment:
                self._path(segment).unlink(missing_ok=True)

    def _write_acked(self, position: Position) -> None:
        reached = {"segment": position.segment, "offset": position.offset}
        write_atomically(self.directory / "acked", json.dumps(reached))
        self._acked = position

    @property
    def empty(self) -> bool:
        """Return whether everything put has been delivered."""
        with self._lock:
            return self._acked >= Position(self._segment, self._size) or not self.read(
                self._acked, 1
            )

    # Coming back

    def _recover(self) -> None:
        """Continue where the process before stopped: marks, the next number, a torn last line."""
        segments = self._segments() or [max(1, self._acked.segment)]
        self._open_segment(segments[-1])
        self._size = cut_torn_line(self._path(segments[-1]))
        for segment in segments:
            self._replay(segment)
        # The note of what was acknowledged may be lost or old, its segments deleted since.
        if self._acked.segment < segments[0]:
            self._acked = Position(segments[0], 0)
        self._drop_orphans()

    def _replay(self, segment: int) -> None:
        with open(self._path(segment), "rb") as file:
            for line in file:
                event = json.loads(line)
                self._check(event)
                self.marks.update(event.get("snapshot") or {})
                self._note(event)
                self._next_id = max(self._next_id, event.get("next", event.get("id", 0) + 1))

    def _drop_orphans(self) -> None:
        """Delete files whose event was never written, or was acknowledged just before a crash."""
        kept: set[str] = set()
        position = self._acked
        while events := self.read(position, 1000):
            kept |= {str(event["id"]) for event, _ in events}
            position = events[-1][1]
        for folder in (self.directory / "blobs").iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _read_acked(self) -> Position:
        try:
            stored = json.loads((self.directory / "acked").read_text())
            return Position(stored["segment"], stored["offset"])
        except (FileNotFoundError, ValueError):  # none yet, or lost with the machine
            return Position(1, 0)

    def _segments(self) -> list[int]:
        return sorted(int(path.stem) for path in self.directory.glob("[0-9]*.jsonl"))

    def _path(self, segment: int) -> Path:
        return self.directory / f"{segment:012d}.jsonl"

    def _open_segment(self, segment: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._out = os.open(self._path(segment), flags, 0o600)
        self._segment, self._size = segment, 0

    def close(self) -> None:
        """Sync, and let another process take the spool over."""
        with self._lock:
            if not self._own.closed:
                self.sync()
                os.close(self._out)
                self._own.close()
