"""The coordinator as a Ray actor beside the driver."""

from typing import Any

from gensweep.coordinator._coordinator import SweepCoordinator
from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.planning import Plan
from gensweep.spec import RunRequest

NAMESPACE = "gensweep"


def start_coordinator(
    request: RunRequest, plan: Plan, objective: Objective, protocol: dict[str, Any]
) -> Any:
    """The coordinator as an actor on this node, which opens meanwhile; see `opened`."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name = f"coordinator-{request.sweep.name}"
    try:
        return ray.remote(SweepCoordinator).options(
            name=name, namespace=NAMESPACE, num_cpus=0, max_concurrency=1,
            scheduling_strategy=here,
        ).remote(request, plan, objective, protocol)  # fmt: skip
    except ValueError as error:
        if name not in str(error):
            raise
        raise UserError(
            f"sweep {request.sweep.name!r} is being run on this cluster: wait for it, or "
            "stop its job (`ray job list`, `ray job stop ID`)."
        ) from None


def opened(coordinator: Any) -> Any:
    """The coordinator once it is open; a `UserError` inside reaches the caller as itself."""
    import ray

    try:
        ray.get(coordinator.ready.remote())
    except ray.exceptions.ActorDiedError as error:
        for line in str(error).splitlines():
            if "UserError: " in line:
                raise UserError(line.split("UserError: ", 1)[1]) from None
        raise
    return coordinator
