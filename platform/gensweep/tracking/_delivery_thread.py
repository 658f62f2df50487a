"""The coordinator's thread that delivers a spool's events to MLflow, several runs side by side."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, takewhile

from gensweep.files import cut_torn_line
from gensweep.patience import pause_before
from gensweep.redact import redact
from gensweep.tracking._mlflow_writes import RefusedError, Sink, event_points
from gensweep.tracking._spool import Event, Position, Spool

BATCH = 200
"""Events read at once; this bounds the memory, and what is delivered again after a crash."""
RUNS = 2
"""Delivered side by side: a request mostly waits, for the server and for its store."""
SYNC_EVERY_S = 1.0
"""At most so many seconds of events are lost when the machine, not just the process, dies."""

Placed = list[tuple[Event, Position]]


class Deliverer(threading.Thread):
    """Delivers each event again and again until MLflow takes it; a refused one is set aside.

    Each run's events come in their order, and those of the sweep itself wait for all before them.
    Refused events are kept with the server's reason in the spool's `rejected.jsonl`.
    """

    def __init__(self, spool: Spool, sink: Sink) -> None:
        super().__init__(name="gensweep-tracking", daemon=True)
        self.sink = sink
        self.last_error = ""
        self.failing_since: float | None = None
        """In seconds since 1970; None while the server takes what it is told."""
        self._spool = spool
        self._rejects = spool.directory / "rejected.jsonl"
        self.rejected = 0
        if self._rejects.exists():
            cut_torn_line(self._rejects)
            self.rejected = len(self._rejects.read_bytes().splitlines())
        self._halt = threading.Event()
        self._rejects_lock = threading.Lock()
        self._runs = ThreadPoolExecutor(RUNS, "gensweep-tracking")
        self._synced_at = 0.0

    def run(self) -> None:
        failures = 0
        while not self._halt.is_set():
            try:
                if not self._deliver_batch():
                    self._wait_for_events()
            except Exception as error:  # the sweep goes on whatever the server does
                self.failing_since = self.failing_since or time.time()
                self.last_error = redact(f"{type(error).__name__}: {error}")[:300]
                failures += 1
                self._halt.wait(pause_before(failures))
                continue
            self.last_error, self.failing_since, failures = "", None, 0

    def _wait_for_events(self) -> None:
        with self._spool.arrived:
            self._spool.arrived.wait(0.2)
        self._sync()

    def _sync(self) -> None:
        now = time.monotonic()
        if now - self._synced_at >= SYNC_EVERY_S:
            self._spool.sync()
            self._synced_at = now

    def _deliver_batch(self) -> bool:
        """Deliver up to `BATCH` events; False if there were none."""
        # Always from what was acknowledged, so a batch that failed halfway is simply read again.
        events = self._spool.read(self._spool.acked, BATCH)
        for stretch in _split_at_sweep_events(_batch_metrics(events)):
            if self._halt.is_set():
                break
            self._deliver_stretch(stretch)
            self._sync()
        return bool(events)

    def _deliver_stretch(self, groups: list[Placed]) -> None:
        """Deliver the runs side by side; what came before the first failure is acknowledged."""
        # One job for each run: its points stay in order while the other runs' requests wait.
        delivered: set[Position] = set()
        chains: dict[object, list[Placed]] = {}
        for group in groups:
            chains.setdefault(group[0][0]["trial"], []).append(group)
        jobs = [self._runs.submit(self._deliver_run, chain, delivered) for chain in chains.values()]
        errors = [job.exception() for job in jobs]
        # The acknowledgement is one position, so it stops at the first gap. What other runs
        # delivered behind it is sent again, which MLflow's keys make harmless.
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
            except RefusedError as error:
                self._reject(group, str(error))
            delivered.add(group[0][1])

    def _reject(self, group: Placed, reason: str) -> None:
        """Deliver a refused group value by value, so that a bad one takes no neighbour along."""
        alone = [(one, place) for event, place in group for one in _split_values(event)]
        for placed in alone:
            try:
                if len(alone) == 1:
                    raise RefusedError(reason)
                self.sink.deliver([placed], self._spool)
            except RefusedError as error:
                line = json.dumps({"event": placed[0], "reason": redact(str(error))})
                with self._rejects_lock, open(self._rejects, "a", encoding="utf-8") as file:
                    self.rejected += 1
                    file.write(line + "\n")

    def flush(self, timeout: float) -> bool:
        """Wait until the spool is empty; False if it was not within `timeout` seconds."""
        end = time.monotonic() + timeout
        while not self._spool.empty:
            if time.monotonic() >= end or not self.is_alive():
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """End the thread after the delivery in progress, for which it waits up to 30 s."""
        self._halt.set()
        with self._spool.arrived:
            self._spool.arrived.notify_all()
        if self.is_alive():
            self.join(30)
        self._runs.shutdown(wait=False)


def _batch_metrics(events: Placed) -> list[Placed]:
    """Group neighbouring metrics of one run, up to MLflow's 1,000 points a batch."""
    groups: list[Placed] = []
    points = 0
    for placed in events:
        event = placed[0]
        size = _count_points(event)
        if groups and _same_batch(groups[-1][-1][0], event) and points + size <= 1000:
            groups[-1].append(placed)
            points += size
        else:
            groups.append([placed])
            points = size
    return groups


def _split_values(event: Event) -> list[Event]:
    """Return an event of each metric's points; one of another kind is returned as it is."""
    if event["kind"] != "metrics":
        return [event]
    plain = {key: value for key, value in event.items() if key not in ("step", "values", "points")}
    points = event_points(event)
    return [
        plain | {"points": [[step, at, {name: values[name]}] for step, at, values in points
                            if name in values]}
        for name in dict.fromkeys(name for *_, values in points for name in values)
    ]  # fmt: skip


def _count_points(event: Event) -> int:
    if event["kind"] != "metrics":
        return 0
    return sum(len(values) for *_, values in event_points(event))


def _split_at_sweep_events(groups: list[Placed]) -> Iterator[list[Placed]]:
    """Yield neighbouring groups of trials together, and each group of the sweep alone.

    The sweep's own events are barriers: its end must not overtake that of a trial.
    """
    for alone, neighbours in groupby(groups, lambda group: group[0][0]["trial"] is None):
        together = list(neighbours)
        yield from ([group] for group in together) if alone else [together]


def _same_batch(before: Event, event: Event) -> bool:
    same: bool = before["trial"] == event["trial"]
    return same and before["kind"] == event["kind"] == "metrics"
