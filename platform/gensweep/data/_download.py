"""Fetch the four IDX files of MNIST or Fashion-MNIST from a server of the user's choice."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gensweep.data._idx import FILES
from gensweep.errors import UserError
from gensweep.files import replacing

NAMES = ("fashion_mnist", "mnist")
TIMEOUT_S = 30


def download(
    name: str, destination: str | Path, base_url: str, sha256: Mapping[str, str] | None = None
) -> list[Path]:
    """The files of `name` under `base_url`, gzipped, put into the folder `destination`.

    Files that are there, and have their `sha256` where one is given, are not fetched again. A
    file gets its name only when it is whole. Raises `UserError`.
    """
    if name not in NAMES:
        raise UserError(f"cannot download {name!r}: choose from {', '.join(NAMES)}.")
    if urlsplit(base_url).scheme not in {"http", "https"}:
        raise UserError(f"{base_url!r} is no web address: write https://host/folder.")
    folder, digests = Path(destination), dict(sha256 or {})
    files = [f"{file}.gz" for pair in FILES.values() for file in pair]
    if unknown := sorted(set(digests) - set(files)):
        raise UserError(f"sha256 of unknown file {unknown[0]!r}: choose from {', '.join(files)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make folder {str(folder)!r} ({error.strerror}): choose another."
        ) from None
    return [_fetch(f"{base_url.rstrip('/')}/{f}", folder / f, digests.get(f)) for f in files]


def _fetch(url: str, target: Path, sha256: str | None) -> Path:
    if target.is_file() and sha256 in {None, digest(target)}:
        return target
    try:
        with replacing(target, durable=True) as draft:
            _save(url, draft)
            if sha256 not in {None, digest(draft)}:
                raise UserError(f"{url} has another sha256 than {sha256}: correct one of them.")
    except OSError as error:
        reason = f"{str(target)!r} ({error.strerror})"
        raise UserError(f"cannot write {reason}: choose another folder.") from None
    return target


def _save(url: str, file: Path) -> None:
    """Save a whole answer. Raises `UserError` if it is cut short."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, file.open("xb") as out:
            shutil.copyfileobj(answer, out)
            expected = answer.headers.get("Content-Length")
            received = out.tell()
    except urllib.error.HTTPError as error:
        raise UserError(f"{url} is not there (status {error.code}): correct the address.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"cannot fetch {url} ({reason}): correct the address.") from None
    if expected is not None and int(expected) != received:
        raise UserError(f"{url} ended after {received} of {expected} bytes: try again.")


def digest(file: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
