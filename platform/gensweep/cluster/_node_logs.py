"""The journal of a host, kept in CloudWatch beyond the host's end."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gensweep.cluster._metadata import Metadata
from gensweep.cluster._node_settings import Settings

STATE = Path("/var/lib/gensweep-logs")
MAX_EVENTS, MAX_BYTES, EVENT_BYTES = 10_000, 1_000_000, 26
"""Of a PutLogEvents: its events, their text, and what each costs besides."""
LONGEST = 200_000


def keep(settings: Settings, client: Any = None) -> None:
    """Upload what is new since the last call; what fails is uploaded by the next."""
    if not settings.log_group:
        return
    if client is None:
        import boto3

        client = boto3.client("logs")
    STATE.mkdir(mode=0o700, exist_ok=True)
    stream = {
        "logGroupName": settings.log_group,
        "logStreamName": f"{settings.role}/{Metadata().instance_id()}",
    }
    _ensure(client, stream)
    cursor, draft = STATE / "cursor", STATE / "cursor.new"
    draft.write_text(cursor.read_text() if cursor.exists() else "")
    for events in batches(_journal(draft)):
        client.put_log_events(**stream, logEvents=events)
    draft.replace(cursor)


def batches(lines: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
    """The journal's JSON lines as CloudWatch takes them, no batch larger than it allows."""
    batch: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        event = _event(json.loads(line))
        cost = len(event["message"].encode()) + EVENT_BYTES
        if batch and (len(batch) == MAX_EVENTS or size + cost > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += cost
    if batch:
        yield batch


def _event(entry: dict[str, Any]) -> dict[str, Any]:
    message = entry.get("MESSAGE") or ""
    if isinstance(message, list):  # what is no UTF-8 comes as numbers
        message = bytes(message).decode(errors="replace")
    unit = str(entry.get("_SYSTEMD_UNIT") or entry.get("UNIT") or "host").removesuffix(".service")
    return {
        "timestamp": int(entry["__REALTIME_TIMESTAMP"]) // 1000,
        "message": f"{unit}: {message}"[:LONGEST],
    }


def _journal(cursor: Path) -> Iterator[str]:
    command = ["journalctl", "--unit=gensweep-*", "--output=json", "--quiet"]
    done = subprocess.run(
        [*command, f"--cursor-file={cursor}"], capture_output=True, text=True, check=True
    )
    yield from done.stdout.splitlines()


def _ensure(client: Any, stream: dict[str, str]) -> None:
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(**stream)
