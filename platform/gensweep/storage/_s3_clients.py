"""Clients of S3 as the environment describes it, which the stores of a process share."""

import os
import threading
from typing import Any

ATTEMPTS = 3
"""Requests per call of a run, before the store's own patience begins: see `S3Store`."""
_LOCK = threading.Lock()
_SESSIONS: dict[frozenset[tuple[str, str]], Any] = {}
"""The variables of AWS to the session that was made of them, which has read the SDK's tables."""
_CLIENTS: dict[tuple[Any, bool, int], Any] = {}
"""Variables, patience and process to the client: connections do not survive a fork."""


def s3_client(patient: bool) -> Any:
    """Return the client that repeats failed requests, or the one that soon gives up.

    Made once for each environment: to make one takes some 0.4 s.
    """
    environment = frozenset((k, v) for k, v in os.environ.items() if k.startswith("AWS_"))
    key = environment, patient, os.getpid()
    with _LOCK:
        if key not in _CLIENTS:
            _CLIENTS[key] = _connect(_session(environment), patient)
        return _CLIENTS[key]


def renew_clients() -> None:
    """Let clients be made anew, with the credentials that the environment leads to by then."""
    with _LOCK:
        _SESSIONS.clear()
        _CLIENTS.clear()


def endpoint() -> str:
    """Return the server's address as the user set it, without any credentials in it."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not url:
        return "Amazon S3"
    scheme, slashes, rest = url.rpartition("://")
    return scheme + slashes + rest.rpartition("@")[2]


def _session(environment: frozenset[tuple[str, str]]) -> Any:
    import boto3

    if environment not in _SESSIONS:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        _SESSIONS[environment] = boto3.session.Session(region_name=region or None)
    return _SESSIONS[environment]


def _connect(session: Any, patient: bool) -> Any:
    from botocore.config import Config

    config: dict[str, Any] = {
        "connect_timeout": 5 if patient else 2,
        "read_timeout": 60 if patient else 4,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS if patient else 1},
        "max_pool_connections": 16,
        "tcp_keepalive": True,
    }
    if endpoint() != "Amazon S3":
        # Other servers know neither buckets as host names nor the SDK's checksum trailers.
        config["s3"] = {"addressing_style": "path"}
        for name in ("request_checksum_calculation", "response_checksum_validation"):
            config[name] = os.environ.get(f"AWS_{name.upper()}") or "when_required"
    return session.client(
        "s3", config=Config(**config), region_name=session.region_name or "us-east-1"
    )
