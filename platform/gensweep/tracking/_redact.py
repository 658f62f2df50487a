"""Keeping secrets out of what is logged."""

import os
import re
from collections.abc import Mapping
from typing import Any

_SECRET_NAME = re.compile(r"SECRET|TOKEN(?!I|S)|PASSW|PWD$|API_?KEY|CREDENTIAL", re.IGNORECASE)
_IN_URI = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
_SHORTEST = 6
"""Shorter values are words like "true" that would blank half a log."""
HIDDEN = "***"


def secrets() -> list[str]:
    """Values of environment variables that are secrets by their name, longest first."""
    values = {v for name, v in os.environ.items() if _SECRET_NAME.search(name)}
    values = {v for v in values if len(v) >= _SHORTEST and not v.startswith("/")}
    return sorted(values, key=len, reverse=True)


def redact(text: str) -> str:
    """`text` without secrets of this process's environment, and without passwords in URIs.

    >>> redact("postgresql://ann:hunter2@db/x")
    'postgresql://ann:***@db/x'
    """
    for secret in secrets():
        text = text.replace(secret, HIDDEN)
    return _IN_URI.sub(rf"\1:{HIDDEN}@", text)


def redact_all(values: Mapping[str, Any]) -> dict[str, str]:
    """Each value as redacted text; text whose name says that it is secret is hidden whole."""
    return {
        name: HIDDEN if isinstance(value, str) and _SECRET_NAME.search(name) else redact(str(value))
        for name, value in values.items()
    }


def redact_bytes(data: bytes) -> bytes:
    """The same for a file, if it is text."""
    try:
        return redact(data.decode()).encode()
    except UnicodeDecodeError:
        return data
