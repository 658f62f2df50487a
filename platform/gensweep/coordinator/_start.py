"""Starts the coordinator as a Ray actor beside the driver."""

from collections.abc import Mapping
from typing import Any

from gensweep.call_history import keeping_history, open_history
from gensweep.coordinator._coordinator import SweepCoordinator
from gensweep.errors import UserError
from gensweep.log import configure_logging
from gensweep.objective import Objective
from gensweep.spec import RunContext

NAMESPACE = "gensweep"


@keeping_history(SweepCoordinator.held)
class CoordinatorActor(SweepCoordinator):
    """The coordinator in a process of its own, whose messages go to Ray's logs."""

    def __init__(self, context: RunContext, objective: Objective, protocol: Mapping[str, object]):
        configure_logging(context.sweep.name, context.verbosity)
        self.history = open_history("coordinator")
        super().__init__(context, objective, protocol)


def start_coordinator(
    context: RunContext, objective: Objective, protocol: Mapping[str, object]
) -> Any:
    """Start the coordinator on this node, and return Ray's handle; see `wait_until_open`.

    It opens the study in the background. `UserError` if the sweep is being run on this cluster.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name = f"coordinator-{context.sweep.name}"
    try:
        return ray.remote(CoordinatorActor).options(
            name=name, namespace=NAMESPACE, num_cpus=0, max_concurrency=1,
            scheduling_strategy=here,
        ).remote(context, objective, protocol)  # fmt: skip
    except ValueError as error:
        if name not in str(error):
            raise
        raise UserError(
            f"sweep {context.sweep.name!r} is being run on this cluster: wait for it, or stop its "
            "job (`ray job list`, `ray job stop ID`)."
        ) from None


def wait_until_open(coordinator: Any) -> None:
    """Wait until its study is open; a `UserError` inside the actor is raised as itself here."""
    import ray

    try:
        ray.get(coordinator.is_open.remote())
    except ray.exceptions.ActorDiedError as error:
        for line in str(error).splitlines():
            if "UserError: " in line:
                raise UserError(line.split("UserError: ", 1)[1]) from None
        raise
