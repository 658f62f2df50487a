"""Attaches, formats once and mounts the data volume of a head or a tracking server.

It outlives the instance. So its files are what a replacement goes on with.
"""

import pwd
import subprocess
import time
from pathlib import Path
from typing import Any

from gensweep.cluster._node_secrets import USER
from gensweep.cluster._node_settings import Settings

DEVICE_NAME = "/dev/sdf"
"""As EC2 is told; on Nitro instances the device appears by the volume's id."""
LABEL = "gensweep-data"


def attach_volume(
    settings: Settings, instance_id: str, client: Any = None, wait_s: float = 600
) -> None:
    """Attach the volume; `TimeoutError` if another instance keeps it or no device appears.

    A head that was replaced may take a while to let go: EC2 detaches at its end.
    """
    if client is None:
        import boto3

        client = boto3.client("ec2")
    end = time.monotonic() + wait_s
    # The replaced head's instance may still hold it: asked again until EC2 has detached it.
    while (found := _holder(client, settings.volume)) != instance_id:
        if time.monotonic() > end:
            raise TimeoutError(f"{settings.volume} is still attached to {found}")
        if not found:
            client.attach_volume(
                VolumeId=settings.volume, InstanceId=instance_id, Device=DEVICE_NAME
            )
        time.sleep(2)
    while not device_path(settings.volume).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{device_path(settings.volume)} did not appear")
        time.sleep(1)


def device_path(volume: str) -> Path:
    name = f"nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
    return Path("/dev/disk/by-id") / name


def mount_volume(settings: Settings) -> None:
    """Mount the volume at `settings.data`; it is formatted only when nothing was ever on it."""
    settings.data.mkdir(parents=True, exist_ok=True)
    if not settings.data.is_mount():
        source = device_path(settings.volume)
        if is_blank(source):
            subprocess.run(["mkfs.ext4", "-q", "-L", LABEL, str(source)], check=True)
        subprocess.run(["mount", "-o", "noatime", str(source), str(settings.data)], check=True)


def is_blank(source: Path) -> bool:
    """Return whether the first MiB of a device, where every file system begins, is zeros."""
    with source.open("rb") as opened:
        return not any(opened.read(2**20))


def make_folders(settings: Settings) -> None:
    """Make the folders that the services write, for the user gensweep.

    On a volume of a host whose user had another number, all of their files are given to ours.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    user = pwd.getpwnam(USER)
    for name in ("gcs", "gensweep", "mlflow"):
        folder = settings.data / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != user.pw_uid:
            command = ["chown", "--recursive", f"{user.pw_uid}:{user.pw_gid}", str(folder)]
            subprocess.run(command, check=True)


def _holder(client: Any, volume: str) -> str:
    """Return the id of the instance that the volume is attached to, empty if none."""
    found = client.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"]
    return next((str(each["InstanceId"]) for each in found if each["State"] != "detached"), "")
