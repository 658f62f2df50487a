"""The thread that empties a spool into a sink, with several requests under way."""

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, takewhile

from gensweep.files import cut_torn_line
from gensweep.redact import redact
from gensweep.tracking._mlflow import Refused, Sink
from gensweep.tracking._spool import Event, Position, Spool

BATCH = 200
"""Events read at once; this bounds the memory, and what is delivered again after a crash."""
RUNS = 2
"""Delivered side by side: a request mostly waits, for the server and for its store."""
SYNC_EVERY_S = 1.0
SHORTEST_S, LONGEST_S = 0.2, 15.0

Placed = list[tuple[Event, Position]]


class Drainer(threading.Thread):
    """Delivers again and again until the sink takes it; a refused event is set aside.

    Each run's events come in their order, and those of the sweep itself wait for all before them.
    """

    def __init__(self, spool: Spool, sink: Sink) -> None:
        super().__init__(name="gensweep-tracking", daemon=True)
        self.sink = sink
        self.trouble = ""
        self._spool = spool
        self._aside = spool.directory / "rejected.jsonl"
        self.rejected = 0
        if self._aside.exists():
            cut_torn_line(self._aside)
            self.rejected = len(self._aside.read_bytes().splitlines())
        self._halt = threading.Event()
        self._aside_lock = threading.Lock()
        self._runs = ThreadPoolExecutor(RUNS, "gensweep-tracking")
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
        for stretch in _stretches(_groups(events)):
            if self._halt.is_set():
                break
            self._deliver_stretch(stretch)
            self._sync()
        return bool(events)

    def _deliver_stretch(self, groups: list[Placed]) -> None:
        """Deliver the runs side by side; what came before the first failure is acknowledged."""
        delivered: set[Position] = set()
        chains: dict[object, list[Placed]] = {}
        for group in groups:
            chains.setdefault(group[0][0]["trial"], []).append(group)
        jobs = [self._runs.submit(self._deliver_run, chain, delivered) for chain in chains.values()]
        errors = [job.exception() for job in jobs]
        for group in takewhile(lambda group: group[0][1] in delivered, groups):
            self._spool.acknowledge(group)
        for error in filter(None, errors):
            raise error

    def _deliver_run(self, groups: list[Placed], delivered: set[Position]) -> None:
        for group in groups:
            if self._halt.is_set():
                return
            try:
                self.sink.deliver(group, self._spool)
            except Refused as error:
                self._set_aside(group, str(error))
            delivered.add(group[0][1])

    def _set_aside(self, group: Placed, reason: str) -> None:
        """One by one, so that a bad point does not take its neighbours along."""
        for placed in group:
            try:
                if len(group) == 1:
                    raise Refused(reason)
                self.sink.deliver([placed], self._spool)
            except Refused as error:
                line = json.dumps({"event": placed[0], "reason": redact(str(error))})
                with self._aside_lock, open(self._aside, "a", encoding="utf-8") as file:
                    self.rejected += 1
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
        self._runs.shutdown(wait=False)


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


def _stretches(groups: list[Placed]) -> Iterator[list[Placed]]:
    """Neighbours that belong to trials together, those of the sweep alone."""
    for alone, neighbours in groupby(groups, lambda group: group[0][0]["trial"] is None):
        together = list(neighbours)
        yield from ([group] for group in together) if alone else [together]


def _joins(before: Event, event: Event) -> bool:
    same: bool = before["trial"] == event["trial"]
    return same and before["kind"] == event["kind"] == "metrics"
