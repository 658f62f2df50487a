"""What is told while a sweep runs, and how it is asked to stop."""

import threading
import time
from typing import Any

from gensweep.report import state_label
from gensweep.trial import TrialState

POLL_S = 5.0
WARM_S, START_S = 20.0, 60.0
"""From the first images to an estimate, and what packs may take to start."""
SPARSE = 60
"""A line of progress after at least this part of the elapsed time, so that long logs stay short."""


class ProgressPrinter:
    """Prints a line of progress whenever there is something new to say."""

    def __init__(self, coordinator: Any):
        self._desk = coordinator
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._begin = time.monotonic()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=POLL_S)

    def _poll(self) -> None:
        import ray

        first, since, before, images, told = None, 0.0, 0.0, 0, 0
        while not self._stop.wait(max(POLL_S, before / SPARSE)):
            try:
                summary = ray.get(self._desk.summary.remote())
            except ray.exceptions.RayError:
                return  # the main thread meets the same error and tells it
            elapsed = time.monotonic() - self._begin
            if first in (None, summary["images"]):
                first, since = summary["images"], elapsed
            rate = (summary["images"] - images) / (elapsed - before) if before else 0.0
            mean = (
                (summary["images"] - first) / (elapsed - since) if elapsed > since + WARM_S else 0.0
            )
            for note in summary["notes"][told:]:
                print(note)
            print(progress_line(summary, rate, mean, elapsed), flush=True)
            before, images, told = elapsed, summary["images"], len(summary["notes"])


def progress_line(summary: dict[str, Any], rate: float, mean: float, elapsed: float) -> str:
    """Trials by status, best so far, images per second and time left, in one line."""
    counted = summary["states"].items()
    states = "  ".join(f"{n} {state_label(state)}" for state, n in counted if n)
    best, leader, metric = summary["best"], summary["leader"], summary["metric"]
    ranked = f"best {metric} {best:.4g}" if best is not None else "no result yet"
    if best is None and leader is not None:
        ranked = f"{metric} {leader:.4g} so far, unfinished"
    left = f"{summary['left'] / mean:,.0f} s left" if mean > 0 else _phase(summary, elapsed)
    clock = f"{elapsed:6,.0f} s"
    cost = f"  |  cost {summary['cost']:,.2f}" if summary.get("cost") else ""
    return f"{clock}  {states}  |  {ranked}  |  {rate:,.0f} images/s  |  {left}{cost}"


def _phase(summary: dict[str, Any], elapsed: float) -> str:
    """What happens while there is no estimate yet."""
    if summary["states"].get(TrialState.LEASED):
        return "measuring the pace"
    return "still starting packs: a busy cluster" if elapsed > START_S else "starting packs"
