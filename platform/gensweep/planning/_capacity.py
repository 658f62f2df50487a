"""The Ray cluster that a sweep runs on."""

from gensweep.cluster._connection import connect
from gensweep.errors import UserError
from gensweep.spec import KEEPER_CPUS, PACK_CPUS, Request


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


def check_room(asked: Request) -> None:
    """`UserError` unless the cluster can hold what was asked, its pools once full."""
    gpus, cpus = int(_room("GPU")), _room("CPU")
    if asked.gpus > gpus:
        raise UserError(f"--gpus {asked.gpus}: this cluster has {gpus}; ask for at most that.")
    keeper = KEEPER_CPUS if asked.ranks > 1 else 0.0
    needed = asked.packs * (keeper + (0.0 if asked.gpus else asked.ranks * PACK_CPUS))
    if needed > cpus:
        raise UserError(
            f"{asked.packs} packs of {asked.ranks} ranks: this cluster has {cpus:g} CPUs; "
            "lower --packs or --ranks."
        )


def _room(kind: str) -> float:
    """Of a resource: what is there, or what would be if the autoscaler filled the pools."""
    import ray

    from gensweep.cluster._hosts import hosts_at_most

    later = sum(host.gpus if kind == "GPU" else host.cpus for host in hosts_at_most(kind))
    return max(float(ray.cluster_resources().get(kind, 0)), float(later))
