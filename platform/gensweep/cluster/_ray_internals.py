"""Finds the placement groups of this driver's actors in Ray's own tables."""

from collections.abc import Iterable
from typing import Any


def packs_waiting_on_draining_nodes() -> set[bytes]:
    """Find packs of this driver with an actor that has a place on a draining node, not started.

    Keys are the ids of the packs' own actors: an actor of several ranks counts for its pack.
    """
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData

    draining = set(state.get_draining_nodes())
    if not draining:
        return set()
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())

    def table(which: str) -> list[Any]:
        rows = state._connect_and_get_accessor().get_actor_table(job, which)
        return [ActorTableData.FromString(row) for row in rows]

    pending = table("PENDING_CREATION")
    groups = {actor.placement_group_id for actor in pending} - {b""}
    leaving = {group for group in groups if draining & _nodes_of(group)}
    stuck = [actor for actor in pending if actor.placement_group_id in leaving]
    owners = table("ALIVE") if stuck else []
    return {pack for actor in stuck if (pack := _pack_of(actor, owners))}


def _pack_of(actor: Any, owners: Iterable[Any]) -> bytes | None:
    """Follow the owners of an actor up to the one that this driver started, if it did."""
    import ray

    here = bytes.fromhex(ray.get_runtime_context().get_worker_id())
    known = {owner.address.worker_id: owner for owner in owners}
    while actor is not None and actor.owner_address.worker_id != here:
        actor = known.get(actor.owner_address.worker_id)
    return None if actor is None else bytes(actor.actor_id)


def _nodes_of(group: bytes) -> set[str]:
    import ray
    from ray.util.placement_group import PlacementGroup

    table = ray.util.placement_group_table(PlacementGroup(ray.PlacementGroupID(group)))
    return set(table.get("bundles_to_node_id", {}).values())


def groups_of_dead_actors() -> list[Any]:
    """Find placement groups of this job whose actor is dead, and which hold resources in vain.

    Ray keeps the group of an actor until its job has ended too (`IsPlacementGroupLifetimeDone`),
    and Train's cleaner knows groups only once their ranks have begun. The table's own
    `creator_actor_dead` misses a group for which an actor asked while it was dying.
    """
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import PlacementGroupTableData
    from ray.util.placement_group import PlacementGroup

    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    rows = state._connect_and_get_accessor().get_placement_group_table()
    groups = [
        group
        for group in map(PlacementGroupTableData.FromString, rows)
        if group.creator_job_id == job.binary()
        and group.state != PlacementGroupTableData.REMOVED
        and not group.is_detached
    ]
    makers = {group.creator_actor_id for group in groups}
    dead = {maker for maker in makers if _is_dead(maker)}
    return [
        PlacementGroup(ray.PlacementGroupID(group.placement_group_id))
        for group in groups
        if group.creator_actor_id in dead
    ]


def _is_dead(actor: bytes) -> bool:
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData

    unique = slice(-ray.JobID.size())
    if actor[unique] == ray.ActorID.nil().binary()[unique]:  # the driver itself asked for it
        return False
    row = state._connect_and_get_accessor().get_actor_info(ray.ActorID(actor))
    return row is None or ActorTableData.FromString(row).state == ActorTableData.DEAD
