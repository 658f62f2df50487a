"""The logs of a host, kept in S3 beyond its end: the journal since last time, and Ray's files."""

import gzip
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from gensweep.cluster._metadata import Metadata
from gensweep.cluster._node_settings import Settings

STATE = Path("/var/lib/gensweep-logs")
RAY_LOGS = Path("/tmp/ray/session_latest/logs")


def keep(settings: Settings, client: Any = None) -> None:
    """Upload what is new since the last call; what fails is uploaded by the next."""
    if not settings.logs:
        return
    if client is None:
        import boto3

        client = boto3.client("s3")
    bucket, _, prefix = settings.logs.removeprefix("s3://").partition("/")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    place = f"{prefix}/{settings.role}/{Metadata().instance_id()}/{stamp}"
    STATE.mkdir(mode=0o700, exist_ok=True)
    _keep_journal(client, bucket, f"{place}.log.gz")
    _keep_ray(client, bucket, f"{place}.ray.tar.gz")


def _keep_journal(client: Any, bucket: str, key: str) -> None:
    cursor, draft = STATE / "cursor", STATE / "cursor.new"
    draft.write_text(cursor.read_text() if cursor.exists() else "")
    command = ["journalctl", "--unit=gensweep-*", "--output=short-iso-precise", "--quiet"]
    text = subprocess.run(
        [*command, f"--cursor-file={draft}"], capture_output=True, check=True
    ).stdout
    if text:
        client.put_object(Bucket=bucket, Key=key, Body=gzip.compress(text))
    draft.replace(cursor)


def _keep_ray(client: Any, bucket: str, key: str) -> None:
    """Ray's files that changed since the last call, whole."""
    mark = STATE / "ray"
    since, now = mark.stat().st_mtime if mark.exists() else 0.0, time.time()
    if not RAY_LOGS.is_dir():
        return
    folder = RAY_LOGS.resolve()
    files = (file for file in folder.rglob("*") if file.is_file())
    if changed := [file for file in files if file.stat().st_mtime >= since]:
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w:gz") as archive:
                for each in changed:
                    archive.add(each, arcname=str(each.relative_to(folder)))
            file.seek(0)
            client.upload_fileobj(file, bucket, key)
    mark.touch()
    os.utime(mark, (now, now))
