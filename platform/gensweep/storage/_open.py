"""Opens the object store that a URI names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from gensweep.errors import UserError
from gensweep.patience import Patience
from gensweep.storage._file import FileStore
from gensweep.storage._protocol import ObjectStore
from gensweep.storage._s3 import S3Store


def open_store(
    uri: str, patience: Patience | None = None, *, was_there: bool = False
) -> ObjectStore:
    """Open the store at `s3://bucket/prefix`, `file:///folder`, or a plain path.

    Neither network nor disk is touched before the first request; `ObjectStore.check` does that.
    `patience` is for a server that is away, or a full disk, by default about a minute; `was_there`:
    for a bucket that the server does not know at the moment, too, as the sweep has used it before.
    Raises `UserError` for a URI of another scheme, or one that holds credentials.

    >>> open_store("file:///tmp/results").uri
    'file:///tmp/results'
    >>> open_store("ftp://host/results")
    Traceback (most recent call last):
    gensweep.errors.UserError: unknown store scheme 'ftp': use s3://bucket/prefix or file:///folder.
    """
    if "://" not in uri:
        if not uri.strip():
            raise UserError("the store's URI is empty: use s3://bucket/prefix or file:///folder.")
        return FileStore(Path(uri), patience)
    parts = urlsplit(uri)
    if parts.scheme not in {"s3", "file"}:
        raise UserError(
            f"unknown store scheme {parts.scheme!r}: use s3://bucket/prefix or file:///folder."
        )
    if "@" in parts.netloc:
        raise UserError(
            "the store's URI holds credentials: put them into AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )
    if parts.query or parts.fragment:
        raise UserError(
            f"store {parts.netloc + parts.path!r} has a '?' or '#' after it: leave it out."
        )
    if parts.scheme == "s3":
        return S3Store(parts.netloc, parts.path, patience, was_there=was_there)
    if parts.netloc not in {"", "localhost"}:
        raise UserError(f"{uri!r} names the host {parts.netloc!r}: write file:///folder.")
    return FileStore(Path(unquote(parts.path)), patience)
