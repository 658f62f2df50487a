"""The Ray cluster that a sweep runs on."""

from gensweep.cluster._connection import connect
from gensweep.errors import UserError
from gensweep.spec import PACK_CPUS, SUPERVISOR_CPUS, RunRequest


def all_gpus() -> int:
    """The GPUs of the cluster, or that it may have; `UserError` if it has none."""
    connect()
    count = int(_room("GPU"))
    if not count:
        raise UserError(
            "--preset cluster: this cluster has no GPUs; leave it out to train on CPUs, or set "
            "RAY_ADDRESS to a cluster that has some."
        )
    return count


def check_room(request: RunRequest) -> None:
    """`UserError` unless the cluster can hold what was asked, its pools once full."""
    gpus, cpus = int(_room("GPU")), _room("CPU")
    if request.gpus > gpus:
        raise UserError(f"--gpus {request.gpus}: this cluster has {gpus}; ask for at most that.")
    keeper = SUPERVISOR_CPUS if request.ranks > 1 else 0.0
    needed = request.packs * (keeper + (0.0 if request.gpus else request.ranks * PACK_CPUS))
    if needed > cpus:
        raise UserError(
            f"{request.packs} packs of {request.ranks} ranks: this cluster has {cpus:g} CPUs; "
            "lower --packs or --ranks."
        )


def _room(kind: str) -> float:
    """Of a resource: what is there, or what would be if the autoscaler filled the pools."""
    import ray

    from gensweep.cluster._hosts import hosts_at_most

    later = sum(host.gpus if kind == "GPU" else host.cpus for host in hosts_at_most(kind))
    return max(float(ray.cluster_resources().get(kind, 0)), float(later))
