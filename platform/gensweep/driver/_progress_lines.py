"""Tells how far a running sweep is."""

import logging
import re
import threading
import time

from gensweep.coordinator import (
    CoordinatorLostError,
    ProgressSummary,
    RemoteCoordinator,
    SweepCoordinator,
)
from gensweep.report import state_label

_log = logging.getLogger(__name__)
POLL_S = 5.0
QUIET_S = 15.0
"""An answer that takes longer is told of: a coordinator that was killed is back sooner."""
WARM_S, START_S = 20.0, 60.0
"""From the first images to an estimate, and what packs may take to start."""
SPARSE = 60
"""A line of progress after at least this part of the elapsed time, so that long logs stay short."""


class Pace:
    """Images a second, of late and since the first ones were seen."""

    def __init__(self) -> None:
        self._first, self._first_s = -1, 0.0
        self._last, self._last_s = 0, 0.0

    def update(self, images: int, elapsed_s: float) -> tuple[float, float]:
        """Return the rate since the last call and the mean; 0 where it is too early to tell."""
        if self._first in (-1, images):  # trials do not train yet
            self._first, self._first_s = images, elapsed_s
        since = elapsed_s - self._first_s
        mean = (images - self._first) / since if since > WARM_S else 0.0
        rate = (images - self._last) / (elapsed_s - self._last_s) if self._last_s else 0.0
        self._last, self._last_s = images, elapsed_s
        return rate, mean


class ProgressPrinter:
    """Logs a line of progress every few seconds, and what happened to packs."""

    def __init__(self, coordinator: RemoteCoordinator):
        self._coordinator = coordinator
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._begin = time.monotonic()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=POLL_S)

    def _poll(self) -> None:
        pace, elapsed, notes, waits = Pace(), 0.0, 0, ""
        while not self._stop.wait(max(POLL_S, elapsed / SPARSE)):
            try:
                summary = self._ask()
            except CoordinatorLostError:
                return  # the main thread meets the same error and tells it
            elapsed = time.monotonic() - self._begin
            rate, mean = pace.update(summary.images, elapsed)
            for note in summary.notes[notes:]:
                _log.warning("%s", note)
            if _waited_for(summary.waits) != _waited_for(waits):
                _log.warning("%s", summary.waits or "what was waited for answers again")
            waits = summary.waits
            _log.info("%s", progress_line(summary, rate, mean, elapsed))
            notes = len(summary.notes)

    def _ask(self) -> ProgressSummary:
        """Ask how far the sweep is, and tell of an answer that is long in coming."""
        since, begin = time.strftime("%H:%M:%S"), time.monotonic()
        call = self._coordinator.begin(SweepCoordinator.summary)
        try:
            return call.answer(QUIET_S)
        except TimeoutError:
            _log.warning("waiting since %s for the process that decides: it comes back after a "
                         "death, or waits for its ledger's database, or for room on a full disk",
                         since)  # fmt: skip
        summary = call.answer()
        _log.warning("it answers again, after %.0f s", time.monotonic() - begin)
        return summary


def _waited_for(told: str) -> str:
    """Return what tells one outage from another: since when it is, for words change meanwhile.

    >>> _waited_for("waiting since 12:00:01 for up to 600 s: the store is away")
    'since 12:00:01'
    """
    found = re.search(r"since \S+", told)
    return found[0] if found else told


def progress_line(summary: ProgressSummary, rate: float, mean: float, elapsed: float) -> str:
    """Say trials by state, the best so far, examples a second and the time left, in one line."""
    counted = summary.states.items()
    told = [(n, state_label(state)) for state, n in counted] + [(summary.not_begun, "not begun")]
    states = "  ".join(f"{n} {label}" for n, label in told if n)
    left = _time_left(summary, mean) if mean > 0 else _phase(summary, elapsed)
    parts = [f"{elapsed:6,.0f} s  {states}", _best(summary), f"{rate:,.0f} examples/s", left]
    return "  |  ".join([*parts, *([f"cost {summary.cost:,.2f}"] if summary.cost else [])])


def _best(summary: ProgressSummary) -> str:
    if summary.best is not None:
        return f"best {summary.metric} {summary.best:.4g}"
    if summary.leader is not None:
        return f"{summary.metric} {summary.leader:.4g} so far, of the trials that train"
    return "no result yet"


def _time_left(summary: ProgressSummary, pace: float) -> str:
    """Say how long training takes at so many examples a second, or what comes after it."""
    if not summary.images_left and summary.states.get("leased"):
        return "all trained, evaluating the last"
    return f"{summary.images_left / pace:,.0f} s left"


def _phase(summary: ProgressSummary, elapsed: float) -> str:
    """Say what happens while there is no estimate yet."""
    if summary.states.get("leased"):
        return "measuring the pace"
    return "still starting packs: a busy cluster" if elapsed > START_S else "starting packs"
