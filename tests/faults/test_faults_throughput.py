"""The pace around outages is that of the examples which trials are known to have seen."""

from faults.evidence import Event
from faults.schedule import outages
from faults.throughput import throughput


def heartbeat(at: float, **seen: int) -> Event:
    told = {number.removeprefix("n"): images for number, images in seen.items()}
    return Event(at=at, side="pack", event="asked", owner="p", call="heartbeat", told=[told])


def test_a_pace_is_that_of_all_trials_and_none_counts_twice() -> None:
    """A hundred examples a second by each of two trials, but none while the store is away."""
    store, *_ = outages(100.0)
    events = [heartbeat(float(t), n0=100 * t, n1=100 * t) for t in range(51)]
    events += [heartbeat(t + 100.0, n0=100 * t, n1=100 * t) for t in range(50, 100)]
    events.append(heartbeat(180.5, n0=100))  # it began anew elsewhere, and catches up
    trials = [{"number": n, "ended": 200.0, "images": 10_000} for n in (0, 1)]
    found = throughput(sorted(events, key=lambda event: event.at), trials, [(store, 50.0)])
    assert found == {"calm": [200, 200], "during": {"store_away": 0}, "slowest": 1.0}
