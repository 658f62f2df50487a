"""Keeps secrets out of what is logged, stored and printed."""

import html
import json
import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote

from markupsafe import escape

Plain = TypeVar("Plain")
"""Dicts, lists, texts and numbers."""

_SECRET_NAME = re.compile(r"SECRET|TOKEN(?!I|S)|PASSW|PWD$|API_?KEY|CREDENTIAL", re.IGNORECASE)
_PLACE_NAME = re.compile(r"_(FILE|PATH|DIR|FOLDER|URI|URL)$", re.IGNORECASE)
"""Such variables say where a secret lies, and hold none."""
_IN_URI = re.compile(r"(\w+://[^\s:/@\"'<>]*):([^\s/\"'<>\\]+)@")
_IN_QUERY = re.compile(
    r"([?&][\w.-]*(?:secret|token|passw|signature|credential|api_?key)[\w.-]*=)[^\s&\"'<>\\]+",
    re.IGNORECASE,
)
_SHORTEST = 6
"""Shorter values are words like "true" that would blank half a log."""
HIDDEN = "***"


def secrets() -> list[str]:
    """Every spelling of the environment's secrets, longest first.

    A secret is the value of a variable that is one by its name, or a password in an address.
    """
    now = dict(os.environ)
    if _found.get("environment") != now:
        _found.update(environment=now, secrets=_search())
    known: list[str] = _found["secrets"]
    return known


_found: dict[str, Any] = {}
"""The environment that was searched last, and what it held: every event is redacted."""


def _search() -> list[str]:
    plain = {v for name, v in os.environ.items() if _is_secret(name, v)}
    for value in os.environ.values():
        plain |= {way for _, word in _IN_URI.findall(value) for way in (word, unquote(word))}
    spelled = {way for secret in plain if len(secret) >= _SHORTEST for way in _spellings(secret)}
    return sorted(spelled, key=len, reverse=True)


def _is_secret(name: str, value: str) -> bool:
    named = _SECRET_NAME.search(name) and not _PLACE_NAME.search(name)
    return bool(named) and not (value.startswith("/") and os.path.exists(value))


def _spellings(secret: str) -> set[str]:
    """Spell a secret as it is, and as URLs, JSON and HTML write it."""
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    small = {re.sub("%..", lambda code: code[0].lower(), text) for text in encoded}
    plain = {secret, json.dumps(secret)[1:-1]}
    # A page holds JSON too, and Jinja writes other codes for quotes than `html.escape` does.
    page = {str(way(text)) for text in plain for way in (html.escape, escape)}
    return {*plain, *encoded, *small, *page}


def redact(text: str) -> str:
    """`text` without secrets of this process's environment, and without passwords in URIs.

    >>> redact("postgresql://ann:hunter2@db/x")
    'postgresql://ann:***@db/x'
    """
    return _without(text, secrets())


def _without(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_URI.sub(rf"\1:{HIDDEN}@", text))


def redact_tree(value: Plain) -> Plain:
    """The same for every text within plain data; numbers stay, so that it can be read again.

    >>> redact_tree({"cause": "s3://me:pass@host", "password": "x", "seed": 1})
    {'cause': 's3://me:***@host', 'password': '***', 'seed': 1}
    """
    redacted: Plain = _walk(value, secrets())
    return redacted


def _walk(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, str):
        return _without(value, hidden)
    if isinstance(value, Mapping):
        return {k: HIDDEN if _is_named(str(k), v) else _walk(v, hidden) for k, v in value.items()}
    return [_walk(v, hidden) for v in value] if isinstance(value, list | tuple) else value


def _is_named(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_SECRET_NAME.search(name))


def redact_all(values: Mapping[str, Any]) -> dict[str, str]:
    """Each value as redacted text; text whose name says that it is secret is hidden whole."""
    hidden = secrets()
    return {
        name: HIDDEN if _is_named(name, value) else _without(str(value), hidden)
        for name, value in values.items()
    }


def redact_bytes(data: bytes) -> bytes:
    """The same for a file, if it is text."""
    try:
        return redact(data.decode()).encode()
    except UnicodeDecodeError:
        return data
