"""How fast a sweep trained outside the outages that came, and during each of them."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from faults.evidence import Event, Trial
from faults.schedule import Fault

SETTLE_S = 10.0
"""After an outage, within which whoever waits has asked again; and after a sweep has begun."""


def throughput(
    events: Sequence[Event], trials: Sequence[Trial], outages: Sequence[tuple[Fault, float]]
) -> Mapping[str, Any]:
    """Return examples a second in the calm before each outage, after the last, and during each.

    `outages` are told with the time when they began, in seconds since 1970. `slowest` is the lowest
    calm rate as a share of the first.
    """
    seen = _images_seen(events, trials)
    last = max((float(trial["ended"]) for trial in trials), default=0.0)
    ends = [at + fault.for_s for fault, at in outages]
    begins = [min(at for points in seen for at, _ in points), *ends]
    calm = [_rate(seen, begin + SETTLE_S, end) for begin, end in
            zip(begins, [*(at for _, at in outages), last], strict=True)]  # fmt: skip
    during = {fault.kind: _rate(seen, at, at + fault.for_s) for fault, at in outages}
    return {"calm": calm, "during": during, "slowest": round(min(calm) / calm[0], 3)}


def _images_seen(
    events: Sequence[Event], trials: Sequence[Trial]
) -> list[list[tuple[float, float]]]:
    """For each trial, the times at which it was known how many examples it had seen."""
    seen: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if (event.side, event.event, event.call) == ("pack", "asked", "heartbeat"):
            for number, images in _numbers(event.told[0]):
                seen[number].append((event.at, images))
    for trial in trials:
        if trial["ended"]:
            seen[trial["number"]].append((float(trial["ended"]), float(trial["images"])))
    return [sorted(points) for points in seen.values()]


def _numbers(told: Mapping[str, int]) -> Iterator[tuple[int, float]]:
    for number, images in told.items():
        yield int(number), float(images)


def _rate(seen: Sequence[Sequence[tuple[float, float]]], begin: float, end: float) -> int:
    """Return the examples a second of all trials together; those between two points are shared."""
    gained = 0.0
    for points in seen:
        times, images = zip(*points, strict=True)
        known = list(itertools.accumulate(images, max))  # a trial that goes on elsewhere falls back
        before, after = np.interp([begin, end], times, known, left=0.0)
        gained += float(after - before)
    return round(gained / max(1e-9, end - begin))
