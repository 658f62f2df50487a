"""JSON documents that know whether they are whole."""

import hashlib
import json
from typing import Any

from gensweep.storage._errors import CorruptObjectError


def seal(body: dict[str, Any]) -> bytes:
    """`body` as JSON together with its sha256; numbers as keys become strings, as JSON has it."""
    body = json.loads(json.dumps(body, allow_nan=False))
    return json.dumps({"body": body, "sha256": _digest(body)}, indent=1, allow_nan=False).encode()


def unseal(data: bytes) -> dict[str, Any]:
    """What `seal` was given. Raises `CorruptObjectError` if a byte of it changed.

    >>> unseal(seal({"step": 3}))
    {'step': 3}
    >>> unseal(seal({"step": 3}).replace(b"3", b"4", 1))
    Traceback (most recent call last):
    gensweep.storage._errors.CorruptObjectError: a sealed document does not match its sha256
    """
    try:
        document = json.loads(data)
        body, digest = document["body"], document["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptObjectError(f"not a sealed document: {error}") from None
    if not isinstance(body, dict) or _digest(body) != digest:
        raise CorruptObjectError("a sealed document does not match its sha256")
    return body


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
