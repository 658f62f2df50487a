"""Packs whose node drains before they have begun are placed anew.

Ray 2.60 places an actor's group first and starts the actor then, but starts none on a node that
drains: such a group keeps the node from leaving, and the actor waits for the node's end.
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
            for pack, group in _waiting_on_draining_nodes():
                if pack not in known:
                    known.add(pack)
                    moves.ended.append(pack)  # before Tune can tell of its end
                    print("a node drains before its pack has begun: it is placed anew", flush=True)
                    core.kill_actor(ray.ActorID(pack), True)
                ray.util.remove_placement_group(group)  # for ranks nobody else does soon


def _waiting_on_draining_nodes() -> list[tuple[bytes, Any]]:
    """Packs of this driver with an actor that has a place on such a node, and has not started.

    Each with the placement group of that actor; ranks have one, and their keeper another.
    """
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData
    from ray.util.placement_group import PlacementGroup

    draining = set(state.get_draining_nodes())
    if not draining:
        return []
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())

    def table(which: str | None) -> list[Any]:
        rows = state._connect_and_get_accessor().get_actor_table(job, which)
        return [ActorTableData.FromString(row) for row in rows]

    pending = [actor for actor in table("PENDING_CREATION") if actor.placement_group_id]
    actors = table(None) if pending else []  # with those of all packs that have ended
    found = []
    for actor in pending:
        group = PlacementGroup(ray.PlacementGroupID(actor.placement_group_id))
        pack = _pack_of(actor, actors)
        if pack and draining & _nodes_of(group):
            found.append((pack, group))
    return found


def _pack_of(actor: Any, actors: list[Any]) -> bytes | None:
    """The actor that this driver started: itself, or of ranks the one that had Train start them."""
    import ray

    here = bytes.fromhex(ray.get_runtime_context().get_worker_id())
    owners = {other.address.worker_id: other for other in actors}
    while actor is not None and actor.owner_address.worker_id != here:
        actor = owners.get(actor.owner_address.worker_id)
    return None if actor is None else bytes(actor.actor_id)


def _nodes_of(group: Any) -> set[str]:
    import ray

    return set(ray.util.placement_group_table(group).get("bundles_to_node_id", {}).values())
