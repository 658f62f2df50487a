"""The Ray cluster that a sweep runs on."""

import os
import socket

from gensweep.errors import UserError
from gensweep.sweep._args import Request

PACK_CPUS = 0.9
"""Of a rank on CPUs; less than 1, so that two packs leave the drivers of two cores some room."""
KEEPER_CPUS = 0.01
"""Of the process that starts a pack's ranks, if there are several."""
KNOCK_S = 4.0


def connect() -> None:
    """Join the cluster that RAY_ADDRESS names or that runs here; `UserError` if there is none."""
    import ray

    if ray.is_initialized():
        return
    address = os.environ.get("RAY_ADDRESS", "auto")
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers ({str(error).splitlines()[0][:120]}): "
            "start one with `gensweep up`, or set RAY_ADDRESS."
        ) from None


def _knock(address: str) -> None:
    """`UserError` if nothing listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit() and (reason := knock(host, int(port))):
        raise UserError(
            f"no Ray cluster answers at {address} ({reason}): "
            "start one with `gensweep up`, or set RAY_ADDRESS."
        )


def knock(host: str, port: int) -> str:
    """Why nothing answers at `host:port`; empty if something does, or if one is not known."""
    if not host or not port:
        return ""
    try:
        socket.create_connection((host, port), timeout=KNOCK_S).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""


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
