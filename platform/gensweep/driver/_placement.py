"""Places packs anew whose node drains before they begin, frees places of the dead, ends who hangs.

Ray 2.60 places an actor's group first and starts the actor then, but starts none on a node that
drains: such a group keeps the node from leaving, and the actor waits for the node's end.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from gensweep.cluster import groups_of_dead_actors, packs_waiting_on_draining_nodes

_log = logging.getLogger(__name__)
POLL_S = 5.0
DYING_S = 60.0
"""How long after a pack's end Tune may tell of it, and an actor of it still ask for places."""

HungPacks = Callable[[], Sequence[str]]
"""Tells Ray's ids, in hexadecimal, of the packs that hang."""


@dataclass
class PlacementRetries:
    """Times at which we killed packs stuck on a draining node and whose deaths Tune has not told.

    Such a death does not count as a failure.
    """

    ended: deque[float] = field(default_factory=deque)
    last_death: float = -DYING_S

    def consume(self) -> bool:
        """Consume one kill; return whether it explains the death of a pack that had not begun."""
        since = time.monotonic() - DYING_S
        with suppress(IndexError):
            while self.ended.popleft() < since:  # it had begun, or ended well, before it was hit
                continue
            return True
        return False

    def record_death(self) -> None:
        """Keep when a pack died last, of whatever."""
        self.last_death = time.monotonic()


@contextmanager
def watch_packs(retries: PlacementRetries, hung_packs: HungPacks) -> Iterator[None]:
    """Meanwhile, kill packs that hang, or wait on a draining node; free what the dead reserved."""
    stop = threading.Event()
    thread = threading.Thread(target=_poll, args=(retries, hung_packs, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=POLL_S)


def _poll(retries: PlacementRetries, hung_packs: HungPacks, stop: threading.Event) -> None:
    killed, logged = set[bytes](), set[str]()

    def attempt(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # much of it is private to Ray, and may change
            if type(error).__name__ not in logged:
                logged.add(type(error).__name__)
                _log.warning("packs' places could not be looked after: %r", error)

    while not stop.wait(POLL_S):
        attempt(partial(_kill_stuck_packs, retries, killed))
        attempt(partial(_kill_hung_packs, hung_packs, killed))
        attempt(partial(_free_places, retries))
    attempt(partial(_free_places, retries))  # of a pack that died last


def _kill_stuck_packs(retries: PlacementRetries, killed: set[bytes]) -> None:
    """Kill packs that a draining node will not start; Tune starts others elsewhere."""
    for pack in packs_waiting_on_draining_nodes() - killed:
        retries.ended.append(time.monotonic())  # before Tune can tell of its end
        if not _kill(pack):
            with suppress(IndexError):
                retries.ended.pop()
            continue
        killed.add(pack)
        _log.info("a node drains before its pack has begun: it is placed anew")


def _kill_hung_packs(hung_packs: HungPacks, killed: set[bytes]) -> None:
    """Kill packs that the coordinator has not heard of for long; others go on with their trials."""
    for pack in set(map(bytes.fromhex, hung_packs())) - killed:
        if _kill(pack):
            killed.add(pack)
            _log.warning("a pack hangs, and is ended: its trials go on in another one")


def _kill(actor: bytes) -> bool:
    """Kill an actor by its id; False if Tune has let go of it."""
    import ray

    core = ray._private.worker.global_worker.core_worker  # as `ray.kill`, which wants a handle
    try:
        core.kill_actor(ray.ActorID(actor), True)
    except (ValueError, ray.exceptions.RayError):
        return False
    return True


def _free_places(retries: PlacementRetries) -> None:
    """Remove what dead actors had reserved, for some time after each death: Ray lists all ever."""
    import ray

    if time.monotonic() < retries.last_death + DYING_S:
        for group in groups_of_dead_actors():
            ray.util.remove_placement_group(group)
