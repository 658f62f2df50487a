"""The processors of the Ray cluster that a sweep runs on."""

from gensweep.cluster import connect, launchable_hosts
from gensweep.errors import ServerAwayError, UserError
from gensweep.spec import PACK_CPUS, SUPERVISOR_CPUS, RunRequest


def all_gpus() -> int:
    """Count the GPUs that the cluster has or may start; `UserError` if there are none."""
    connect()
    count = int(_most("GPU"))
    if not count:
        raise UserError(
            "--preset cluster: this cluster has no GPUs; leave it out to train on CPUs, or set "
            "RAY_ADDRESS to a cluster that has some."
        )
    return count


def check_capacity(request: RunRequest) -> None:
    """`UserError` unless all packs fit into the cluster once its pools are full.

    A `ServerAwayError` where nodes have died, in whose place others may come.
    """
    gpus, cpus = int(_most("GPU")), _most("CPU")
    if request.gpus > gpus:
        raise _refusal(f"--gpus {request.gpus}: this cluster has {gpus}; ask for at most that.")
    supervisor = SUPERVISOR_CPUS if request.ranks > 1 else 0.0
    needed = request.packs * (supervisor + (0.0 if request.gpus else request.ranks * PACK_CPUS))
    if needed > cpus:
        raise _refusal(
            f"{request.packs} packs of {request.ranks} ranks: this cluster has {cpus:g} CPUs; "
            "lower --packs or --ranks."
        )


def _refusal(words: str) -> UserError:
    import ray

    has_lost_nodes = not all(node["Alive"] for node in ray.nodes())
    return ServerAwayError(words) if has_lost_nodes else UserError(words)


def _most(kind: str) -> float:
    """The units of a Ray resource, GPU or CPU, that are there or would be in full pools."""
    import ray

    later = sum(host.gpus if kind == "GPU" else host.cpus for host in launchable_hosts(kind))
    return max(float(ray.cluster_resources().get(kind, 0)), float(later))
