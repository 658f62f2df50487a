"""Uploads a host's journal and Ray's log files to CloudWatch, where they outlive the host."""

import contextlib
import json
import logging
import subprocess
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from gensweep.cluster._metadata import InstanceMetadata
from gensweep.cluster._node_ray import TEMP
from gensweep.cluster._node_settings import Settings
from gensweep.files import replacing

_log = logging.getLogger(__name__)

STATE_FOLDER = Path("/var/lib/gensweep-logs")
RAY_LOGS = Path(TEMP) / "session_latest" / "logs"
RAY_FILES = ("monitor.log", "job-driver-*.log", "raylet.out", "gcs_server.out")
"""The files that tell why pools grow or do not, and what jobs print."""
MAX_EVENTS, MAX_BYTES, EVENT_BYTES = 10_000, 1_000_000, 26
"""Limits of one PutLogEvents: its events, bytes of text, and bytes that each event costs more."""
LONGEST = 200_000


def upload_logs(settings: Settings, client: Any = None) -> None:
    """Upload what is new since the last call; while CloudWatch is away, the next has it too."""
    if not settings.log_group:
        return
    if client is None:
        import boto3

        client = boto3.client("logs")
    STATE_FOLDER.mkdir(mode=0o700, exist_ok=True)
    stream = {
        "logGroupName": settings.log_group,
        "logStreamName": f"{settings.role}/{InstanceMetadata().instance_id()}",
    }
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(**stream)
    # Both positions take effect only after every upload: a call that fails halfway is repeated
    # as a whole by the next one, and lines come twice rather than never.
    with replacing(STATE_FOLDER / "read") as read, replacing(STATE_FOLDER / "cursor") as cursor:
        cursor.write_text(_read_text(STATE_FOLDER / "cursor"))
        places = json.loads(_read_text(STATE_FOLDER / "read") or "{}")
        for events in batch_events(chain(_journal_events(cursor), _ray_events(RAY_LOGS, places))):
            _upload(client, stream, events)
        read.write_text(json.dumps(places))


def _upload(client: Any, stream: dict[str, str], events: list[dict[str, Any]]) -> None:
    """Upload a batch; one that CloudWatch refuses for good, as too old, does not stop the rest."""
    try:
        client.put_log_events(**stream, logEvents=events)
    except client.exceptions.InvalidParameterException as error:
        _log.warning("%d lines of the log are not kept: %s", len(events), error)


def batch_events(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield batches as CloudWatch takes them: sorted by time, none larger than it allows."""
    batch: list[dict[str, Any]] = []
    size = 0
    for event in sorted(events, key=lambda event: int(event["timestamp"])):
        cost = len(event["message"].encode()) + EVENT_BYTES
        if batch and (len(batch) == MAX_EVENTS or size + cost > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += cost
    if batch:
        yield batch


def journal_event(line: str) -> dict[str, Any]:
    """Turn a line of the journal (JSON) into an event of CloudWatch."""
    entry = json.loads(line)
    message = entry.get("MESSAGE") or ""
    if isinstance(message, list):  # what is no UTF-8 comes as numbers
        message = bytes(message).decode(errors="replace")
    unit = str(entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER") or "host")
    return {
        "timestamp": int(entry["__REALTIME_TIMESTAMP"]) // 1000,
        "message": f"{unit.removesuffix('.service')}: {message}"[:LONGEST],
    }


def _journal_events(cursor: Path) -> Iterator[dict[str, Any]]:
    command = ["journalctl", "--output=json", "--quiet", f"--cursor-file={cursor}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    yield from map(journal_event, done.stdout.splitlines())


def _ray_events(folder: Path, places: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield new whole lines of Ray's files; `places` holds how many bytes of each were read."""
    now = int(time.time() * 1000)
    for file in sorted(chain.from_iterable(folder.glob(name) for name in RAY_FILES)):
        # `session_latest` is a link: the files of a new session must be read from their start.
        key = str(file.resolve())
        with file.open("rb") as opened:
            opened.seek(places.get(key, 0))
            text = opened.read()
        # Ray is still writing a line without an end; it is read as a whole the next time.
        whole = text[: text.rfind(b"\n") + 1]
        places[key] = places.get(key, 0) + len(whole)
        for line in whole.decode(errors="replace").splitlines():
            yield {"timestamp": now, "message": f"{file.name}: {line}"[:LONGEST]}


def _read_text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
