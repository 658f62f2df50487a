"""Turns a host's service into its Ray node, with arguments and environment for its role."""

import os
import socket
import sys
import time

from gensweep.cluster._metadata import InstanceMetadata
from gensweep.cluster._node_prepare import host_address
from gensweep.cluster._node_secrets import PGPASS
from gensweep.cluster._node_settings import Settings

GCS_PORT = 6379
DASHBOARD_PORT = 8265
TEMP = "/var/lib/gensweep/ray"
"""Logs and spilled objects of all nodes: /tmp may be memory."""
DRAIN_S = 90
"""A node that is stopped lets its packs save for so long; systemd waits a little longer."""


def run_ray(settings: Settings) -> None:
    """Become `ray start --block`; a worker waits for its head first."""
    own_address = host_address(settings)
    if settings.role == "worker":
        wait_for_head(settings)
    os.environ.update(ray_environment(settings))
    argv = ray_arguments(settings, own_address)
    os.execv(sys.executable, [sys.executable, "-m", "ray.scripts.scripts", *argv])


def ray_arguments(settings: Settings, own_address: str) -> list[str]:
    """The arguments of `ray` for the host's role."""
    common = ["start", "--block", "--disable-usage-stats", f"--node-ip-address={own_address}"]
    if settings.role == "worker":
        offers = {"--num-cpus": settings.cpus, "--num-gpus": settings.gpus}
        offered = [f"{option}={count}" for option, count in offers.items() if count is not None]
        return [*common, f"--address={settings.head}:{GCS_PORT}", *offered]
    config = settings.etc / "cluster.yaml"
    scaling = [f"--autoscaling-config={config}"] if config.exists() else []
    return [
        *common,
        "--head",
        "--num-cpus=0",  # packs train on workers; the head decides and keeps
        "--num-gpus=0",
        f"--port={GCS_PORT}",
        f"--temp-dir={TEMP}",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={DASHBOARD_PORT}",
        *scaling,
    ]


def ray_environment(settings: Settings) -> dict[str, str]:
    """The environment of Ray and of the jobs and packs that it starts, besides node.env."""
    found = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_NODE_TYPE_NAME": settings.pool or "head",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(DRAIN_S),
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(settings.head_lost_s),
    }
    if settings.cloud == "aws":
        found |= _instance_variables(InstanceMetadata())
    if settings.role == "head":
        found |= _head_variables(settings)
    return found


def _instance_variables(metadata: InstanceMetadata) -> dict[str, str]:
    """The variables by which the autoscaler knows the node, and a sweep what it costs."""
    return {
        "RAY_CLOUD_INSTANCE_ID": metadata.instance_id(),
        "RAY_CLOUD_INSTANCE_TYPE_NAME": metadata.read("instance-type") or "",
        "RAY_NODE_MARKET_TYPE": metadata.read("instance-life-cycle") or "on-demand",
    }


def home_of(settings: Settings) -> str:
    """Name the home folder of the head's sweeps, which outlives the head."""
    return str(settings.data / "gensweep")


def _head_variables(settings: Settings) -> dict[str, str]:
    found = {
        "RAY_enable_autoscaler_v2": "1",
        "RAY_gcs_storage": "rocksdb",  # a new head goes on with the jobs and actors of the old
        "RAY_gcs_storage_path": str(settings.data / "gcs"),
        "RAY_JOB_STOP_WAIT_TIME_S": "60",
        "GENSWEEP_HOME": home_of(settings),
    }
    if (config := settings.etc / "cluster.yaml").exists():
        found["GENSWEEP_CLUSTER_CONFIG"] = str(config)
    if settings.ledger_secret:
        found["PGPASSFILE"] = str(settings.run / PGPASS)
    return found


def wait_for_head(settings: Settings) -> None:
    """Return once the head listens; `TimeoutError` after `settings.head_lost_s`."""
    end = time.monotonic() + settings.head_lost_s
    while True:
        try:
            socket.create_connection((settings.head, GCS_PORT), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"no head at {settings.head}:{GCS_PORT} for {settings.head_lost_s} s: {error}"
                ) from None
            time.sleep(3)
