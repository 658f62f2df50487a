"""The desk as a Ray actor beside the driver."""

from typing import Any

from gensweep.coordinator._coordinator import Desk
from gensweep.errors import UserError
from gensweep.objective import Goal
from gensweep.planning import Plan
from gensweep.spec import Request

NAMESPACE = "gensweep"


def start_desk(asked: Request, plan: Plan, goal: Goal, protocol: dict[str, Any]) -> Any:
    """The desk as an actor on this node, which opens meanwhile; see `opened`."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name = f"desk-{asked.sweep.name}"
    try:
        return ray.remote(Desk).options(
            name=name, namespace=NAMESPACE, num_cpus=0, max_concurrency=1,
            scheduling_strategy=here,
        ).remote(asked, plan, goal, protocol)  # fmt: skip
    except ValueError as error:
        if name not in str(error):
            raise
        raise UserError(f"sweep {asked.sweep.name!r} is being run on this cluster: wait for it, or "
                        "stop its job (`ray job list`, `ray job stop ID`).") from None  # fmt: skip


def opened(desk: Any) -> Any:
    """The desk once it is open; a `UserError` inside reaches the caller as itself."""
    import ray

    try:
        ray.get(desk.ready.remote())
    except ray.exceptions.ActorDiedError as error:
        for line in str(error).splitlines():
            if "UserError: " in line:
                raise UserError(line.split("UserError: ", 1)[1]) from None
        raise
    return desk
