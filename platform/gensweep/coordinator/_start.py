"""Starts the coordinator as a Ray actor beside the driver."""

import secrets
from collections.abc import Mapping

from gensweep.call_history import keeping_history, open_history
from gensweep.coordinator._coordinator import SweepCoordinator
from gensweep.coordinator._remote import RemoteCoordinator
from gensweep.errors import UserError
from gensweep.log import configure_logging
from gensweep.objective import Objective
from gensweep.spec import RunContext

NAMESPACE = "gensweep"
MAX_RESTARTS = 100
"""Of a coordinator that dies before it can count its deaths: see `SessionMemory`."""


@keeping_history(SweepCoordinator.held)
class CoordinatorActor(SweepCoordinator):
    """The coordinator in a process of its own, whose messages go to Ray's logs."""

    def __init__(
        self,
        context: RunContext,
        objective: Objective,
        protocol: Mapping[str, object],
        session: str,
    ):
        configure_logging(context.sweep.name, context.verbosity)
        self.history = open_history("coordinator")
        super().__init__(context, objective, protocol, session)


def start_coordinator(
    context: RunContext, objective: Objective, protocol: Mapping[str, object]
) -> RemoteCoordinator:
    """Start the coordinator on this node; see `RemoteCoordinator.wait_until_open`.

    It opens the study in the background. Ray starts it anew when its process dies, and makes the
    calls again that were not answered, those of packs too. `UserError` if the sweep is being run
    on this cluster.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name = f"coordinator-{context.sweep.name}"
    try:
        actor = ray.remote(CoordinatorActor).options(
            name=name, namespace=NAMESPACE, num_cpus=0, max_concurrency=1,
            scheduling_strategy=here, max_restarts=MAX_RESTARTS, max_task_retries=-1,
        ).remote(context, objective, protocol, secrets.token_hex(8))  # fmt: skip
    except ValueError as error:
        if name not in str(error):
            raise
        raise UserError(
            f"sweep {context.sweep.name!r} is being run on this cluster: wait for it, or stop its "
            "job (`ray job list`, `ray job stop ID`)."
        ) from None
    return RemoteCoordinator(actor, context.sweep.name)
