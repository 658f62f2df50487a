"""Prepares a host before its services start, again and again until it succeeds."""

import logging
import subprocess
import time
from collections.abc import Callable

from gensweep.cluster import _node_secrets, _node_volume
from gensweep.cluster._metadata import InstanceMetadata
from gensweep.cluster._node_settings import Settings

_log = logging.getLogger(__name__)

GIVE_UP_S = 900
"""A worker's patience; a head and a tracking server, of which there is one each, have no end."""
PAUSE_S = 5


def prepare(settings: Settings) -> None:
    """Fetch secrets, mount the data volume, take the host's name."""
    wait_s = GIVE_UP_S if settings.role == "worker" else float("inf")
    for name, act in _steps(settings).items():
        _retry(name, act, wait_s)


def _steps(settings: Settings) -> dict[str, Callable[[], None]]:
    found: dict[str, Callable[[], None]] = {
        "secrets": lambda: _node_secrets.fetch_secrets(settings)
    }
    if settings.database_ca:
        found["database"] = lambda: _node_secrets.fetch_database_ca(settings)
    if settings.volume:
        found["volume"] = lambda: _node_volume.attach_volume(
            settings, InstanceMetadata().instance_id()
        )
        found["mount"] = lambda: _node_volume.mount_volume(settings)
    if settings.role != "worker":
        found["folders"] = lambda: _node_volume.make_folders(settings)
    if settings.zone_id:
        found["name"] = lambda: register_dns_name(settings, host_address(settings))
    return found


def host_address(settings: Settings) -> str:
    """The address at which other hosts of the cluster reach this one."""
    return settings.address or InstanceMetadata().private_address()


def register_dns_name(settings: Settings, own_address: str) -> None:
    """Point the host's name at it."""
    import boto3

    record = {
        "Name": settings.name,
        "Type": "A",
        "TTL": 10,
        "ResourceRecords": [{"Value": own_address}],
    }
    boto3.client("route53").change_resource_record_sets(
        HostedZoneId=settings.zone_id,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )


def _retry(name: str, act: Callable[[], None], wait_s: float) -> None:
    """Repeat a step for `wait_s`: networks, roles and volumes take a while after a host's start."""
    from botocore.exceptions import BotoCoreError, ClientError

    end = time.monotonic() + wait_s
    while True:
        try:
            return act()
        except (OSError, BotoCoreError, ClientError, subprocess.CalledProcessError) as error:
            if time.monotonic() > end:
                raise
            _log.warning("%s: %s; trying again", name, error)
            time.sleep(PAUSE_S)
