"""Packs whose node drains before they have begun are placed anew.

Ray 2.60 places an actor's group first and starts the actor then, but starts none on a node that
drains: such a group keeps the node from leaving, and the actor waits for the node's end.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

POLL_S = 5.0


@dataclass
class Moves:
    """Actors that were ended for their place, and that Tune has not told of yet."""

    count: int = 0

    def excuse(self) -> bool:
        """Whether an actor that ended did so for its place; each is excused once."""
        excused = self.count > 0
        self.count -= excused
        return excused


@contextmanager
def moving(moves: Moves) -> Iterator[None]:
    """Meanwhile, end actors of this job that wait on a draining node; Tune starts others."""
    stop = threading.Event()
    thread = threading.Thread(target=_poll, args=(moves, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=POLL_S)


def _poll(moves: Moves, stop: threading.Event) -> None:
    import ray

    while not stop.wait(POLL_S):
        with suppress(ray.exceptions.RayError):  # the main thread meets it too, and tells it
            for actor in _waiting_on_draining_nodes():
                print("a node drains before its pack has begun: it is placed anew", flush=True)
                moves.count += 1
                ray._private.worker.global_worker.core_worker.kill_actor(actor, True)


def _waiting_on_draining_nodes() -> list[Any]:
    """Ids of this job's actors that have not started and have a place on a node that drains."""
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData

    draining = set(state.get_draining_nodes())
    if not draining:
        return []
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    table = state._connect_and_get_accessor().get_actor_table(job, "PENDING_CREATION")
    actors = [ActorTableData.FromString(row) for row in table]
    return [ray.ActorID(one.actor_id) for one in actors if draining & _places(one)]


def _places(actor: Any) -> set[str]:
    """The nodes of its placement group."""
    import ray
    from ray.util.placement_group import PlacementGroup

    if not actor.placement_group_id:
        return set()
    group = PlacementGroup(ray.PlacementGroupID(actor.placement_group_id))
    return set(ray.util.placement_group_table(group).get("bundles_to_node_id", {}).values())
