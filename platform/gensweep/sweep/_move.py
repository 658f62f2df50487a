"""Packs whose node drains before they have begun are placed anew, and the dead keep no places.

Ray 2.60 places an actor's group first and starts the actor then, but starts none on a node that
drains: such a group keeps the node from leaving, and the actor waits for the node's end. And a
group that an actor made outlives that actor until the job ends; Train's cleaner of such groups
knows those whose ranks have begun, none that still waits.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

POLL_S = 5.0


@dataclass
class Moves:
    """Packs that were ended for their place, and that Tune has not told of yet."""

    ended: deque[bytes] = field(default_factory=deque)

    def excuse(self) -> bool:
        """Whether a pack that ended before it had begun did so for its place; each but once."""
        with suppress(IndexError):
            return bool(self.ended.popleft())
        return False


@contextmanager
def moving(moves: Moves) -> Iterator[None]:
    """Meanwhile, end packs of this driver that wait on a draining node; Tune starts others."""
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

    core = ray._private.worker.global_worker.core_worker  # as `ray.kill`, which wants a handle
    known = set[bytes]()
    while not stop.wait(POLL_S):
        # The main thread meets it too, and tells it.
        with suppress(ray.exceptions.RayError, OSError, ValueError):
            for pack in _waiting_on_draining_nodes() - known:
                known.add(pack)
                moves.ended.append(pack)  # before Tune can tell of its end
                print("a node drains before its pack has begun: it is placed anew", flush=True)
                core.kill_actor(ray.ActorID(pack), True)
            for group in _groups_of_the_dead():
                ray.util.remove_placement_group(group)


def _waiting_on_draining_nodes() -> set[bytes]:
    """Packs of this driver with an actor that has a place on such a node, and has not started."""
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData

    draining = set(state.get_draining_nodes())
    if not draining:
        return set()
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())

    def table(which: str | None) -> list[Any]:
        rows = state._connect_and_get_accessor().get_actor_table(job, which)
        return [ActorTableData.FromString(row) for row in rows]

    pending = [a for a in table("PENDING_CREATION") if draining & _nodes_of(a.placement_group_id)]
    actors = table(None) if pending else []  # with those of all packs that have ended
    return {pack for actor in pending if (pack := _pack_of(actor, actors))}


def _pack_of(actor: Any, actors: list[Any]) -> bytes | None:
    """The actor that this driver started: itself, or of ranks the one that had Train start them."""
    import ray

    here = bytes.fromhex(ray.get_runtime_context().get_worker_id())
    owners = {other.address.worker_id: other for other in actors}
    while actor is not None and actor.owner_address.worker_id != here:
        actor = owners.get(actor.owner_address.worker_id)
    return None if actor is None else bytes(actor.actor_id)


def _nodes_of(group: bytes) -> set[str]:
    """The nodes on which a placement group has its places; none without a group."""
    import ray
    from ray.util.placement_group import PlacementGroup

    if not group:
        return set()
    table = ray.util.placement_group_table(PlacementGroup(ray.PlacementGroupID(group)))
    return set(table.get("bundles_to_node_id", {}).values())


def _groups_of_the_dead() -> list[Any]:
    """Placement groups of this job, also those that wait, whose actors have died."""
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData, PlacementGroupTableData
    from ray.util.placement_group import PlacementGroup

    job = bytes.fromhex(ray.get_runtime_context().get_job_id())
    accessor = state._connect_and_get_accessor()

    def dead(actor: bytes) -> bool:
        row = accessor.get_actor_info(ray.ActorID(actor))  # None if the driver made the group
        return row is not None and ActorTableData.FromString(row).state == ActorTableData.DEAD

    table = map(PlacementGroupTableData.FromString, accessor.get_placement_group_table())
    mine = [group for group in table if group.creator_job_id == job]
    kept = [group for group in mine if group.state != PlacementGroupTableData.REMOVED]
    gone = set(filter(dead, {group.creator_actor_id for group in kept}))
    return [
        PlacementGroup(ray.PlacementGroupID(group.placement_group_id))
        for group in kept
        if group.creator_actor_id in gone
    ]
