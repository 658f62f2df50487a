"""The thread that empties a spool into a sink."""

import json
import random
import threading
import time

from gensweep.tracking._mlflow import Refused, Sink
from gensweep.tracking._redact import redact
from gensweep.tracking._spool import Event, Position, Spool

BATCH = 500
"""Events read at once; this bounds the memory."""
SYNC_EVERY_S = 1.0
SHORTEST_S, LONGEST_S = 0.2, 15.0

Placed = list[tuple[Event, Position]]


class Drainer(threading.Thread):
    """Delivers in order, again and again until the sink takes it; a refused event is set aside."""

    def __init__(self, spool: Spool, sink: Sink) -> None:
        super().__init__(name="gensweep-tracking", daemon=True)
        self.sink = sink
        self.trouble = ""
        self._spool = spool
        self._aside = spool.directory / "rejected.jsonl"
        self.rejected = len(self._aside.read_bytes().splitlines()) if self._aside.exists() else 0
        self._halt = threading.Event()
        self._synced_at = 0.0

    def run(self) -> None:
        pause = SHORTEST_S
        while not self._halt.is_set():
            try:
                if not self._deliver_batch():
                    self._rest()
            except Exception as error:  # the sweep goes on whatever the server does
                self.trouble = redact(f"{type(error).__name__}: {error}")[:300]
                self._halt.wait(pause * random.uniform(0.5, 1.0))
                pause = min(LONGEST_S, 2 * pause)
                continue
            self.trouble, pause = "", SHORTEST_S

    def _rest(self) -> None:
        with self._spool.arrived:
            self._spool.arrived.wait(0.2)
        self._sync()

    def _sync(self) -> None:
        now = time.monotonic()
        if now - self._synced_at >= SYNC_EVERY_S:
            self._spool.sync()
            self._synced_at = now

    def _deliver_batch(self) -> bool:
        events = self._spool.read(self._spool.acked, BATCH)
        for group in _groups(events):
            if self._halt.is_set():
                break
            try:
                self.sink.deliver(group, self._spool)
            except Refused as error:
                self._set_aside(group, str(error))
            self._spool.acknowledge(group)
            self._sync()
        return bool(events)

    def _set_aside(self, group: Placed, reason: str) -> None:
        """One by one, so that a bad point does not take its neighbours along."""
        for placed in group:
            try:
                if len(group) == 1:
                    raise Refused(reason)
                self.sink.deliver([placed], self._spool)
            except Refused as error:
                self.rejected += 1
                line = json.dumps({"event": placed[0], "reason": redact(str(error))})
                with open(self._aside, "a", encoding="utf-8") as file:
                    file.write(line + "\n")

    def flush(self, timeout: float) -> bool:
        """Wait until the spool is empty."""
        end = time.monotonic() + timeout
        while not self._spool.empty:
            if time.monotonic() >= end or not self.is_alive():
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """End the thread after the delivery in progress."""
        self._halt.set()
        with self._spool.arrived:
            self._spool.arrived.notify_all()
        if self.is_alive():
            self.join(30)


def _groups(events: Placed) -> list[Placed]:
    """Neighbouring metrics of one run go together, up to MLflow's 1,000 points a batch."""
    groups: list[Placed] = []
    points = 0
    for placed in events:
        event = placed[0]
        size = len(event.get("values", ()))
        if groups and _joins(groups[-1][-1][0], event) and points + size <= 1000:
            groups[-1].append(placed)
            points += size
        else:
            groups.append([placed])
            points = size
    return groups


def _joins(before: Event, event: Event) -> bool:
    same: bool = before["trial"] == event["trial"]
    return same and before["kind"] == event["kind"] == "metrics"
