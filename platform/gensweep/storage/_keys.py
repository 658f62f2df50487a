"""Checks object keys, so that a key means the same in a bucket and in a folder."""

import hashlib
import re

from gensweep.errors import UserError

LONGEST = 900
"""Bytes; S3 allows 1024, of which the store's own prefix needs some."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")


def validated_key(key: str) -> str:
    """Return `key` if a bucket and a folder can both hold it and it cannot leave the store.

    Raises `UserError` otherwise: for an empty or dotted part, a backslash, or too many bytes.

    >>> validated_key("datasets/mnist/manifest.json")
    'datasets/mnist/manifest.json'
    """
    parts = key.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise UserError(f"key {key!r} has an empty or a dotted part: use names between single '/'.")
    if "\\" in key or not key.isprintable():
        raise UserError(f"key {key!r} has a backslash or an unprintable character: leave it out.")
    if len(key.encode()) > LONGEST or any(len(part.encode()) > 255 for part in parts):
        raise UserError(f"key {key[:40]!r}... is too long: at most {LONGEST} bytes, 255 a part.")
    return key


def join_key(*parts: str) -> str:
    """Join `parts` to one key by slashes, leaving out empty ones. `UserError` for a bad key.

    >>> join_key("", "sweeps/", "/a", "state.json")
    'sweeps/a/state.json'
    """
    return validated_key("/".join(part.strip("/") for part in parts if part.strip("/")))


def safe_name(text: str, longest: int = 80) -> str:
    """Turn `text` into one part of a key of at most `longest` characters and a digest.

    The result is safe in paths, URLs and shells. A text that had to change gets eight digits of
    its sha256, so that distinct texts stay distinct.

    >>> safe_name("gan-7")
    'gan-7'
    >>> safe_name("../etc")
    'etc-f7f9121f'
    """
    name = _UNSAFE.sub("-", text).strip("-.")[:longest]
    if name == text:
        return name
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")
