"""JSON documents with their own sha256, so that a torn or damaged one is never believed."""

import hashlib
import json
from typing import Any

from gensweep.storage._errors import CorruptObjectError


def dump_checksummed(body: dict[str, Any]) -> bytes:
    """Encode `body` as JSON together with its sha256.

    Numbers as keys become strings, as JSON has it. Raises `TypeError` or `ValueError` for what is
    no JSON, NaN and infinity included.
    """
    # The digest is that of the body as a reader will parse it, with string keys and lists.
    body = json.loads(json.dumps(body, allow_nan=False))
    return json.dumps({"body": body, "sha256": _digest(body)}, indent=1, allow_nan=False).encode()


def load_checksummed(data: bytes) -> dict[str, Any]:
    """Decode what `dump_checksummed` made. Raises `CorruptObjectError` if a byte of it changed.

    >>> load_checksummed(dump_checksummed({"step": 3}))
    {'step': 3}
    >>> load_checksummed(dump_checksummed({"step": 3}).replace(b"3", b"4", 1))
    Traceback (most recent call last):
    gensweep.storage._errors.CorruptObjectError: a JSON document does not match its sha256
    """
    try:
        document = json.loads(data)
        body, digest = document["body"], document["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptObjectError(f"not a JSON document with its sha256: {error}") from None
    if not isinstance(body, dict) or _digest(body) != digest:
        raise CorruptObjectError("a JSON document does not match its sha256")
    return body


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
