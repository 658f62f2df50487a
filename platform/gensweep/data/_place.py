"""Reads the files of a data set from a local folder or an S3 prefix."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gensweep.data._archive import is_archive, open_archive
from gensweep.data._unreadable import UnreadableError
from gensweep.data._walk import readable, walk, without_junk
from gensweep.errors import UserError
from gensweep.storage import MissingKeyError, S3Store, open_store

FORMAT = 2
"""The version of the shards' format: raising it makes every data set be ingested again."""


class Place(Protocol):
    """A folder of files, by relative name. `stamps` holds their sizes and versions, unread.

    `left_out` counts what is there and no data, by why it is left out.
    """

    @property
    def uri(self) -> str: ...
    @property
    def stamps(self) -> dict[str, tuple[int, str]]: ...
    @property
    def left_out(self) -> Mapping[str, int]: ...
    def read(self, name: str) -> bytes: ...
    def has(self, name: str) -> bool: ...
    def open(self, name: str) -> Any:
        """Open a file for Arrow, which seeks in it."""


@dataclass(frozen=True)
class LocalPlace:
    root: Path
    stamps: dict[str, tuple[int, str]]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return readable(str(self.root))

    def read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise UnreadableError(where(self, name), f"cannot be read ({error.strerror})") from None

    def has(self, name: str) -> bool:
        return ".." not in name.split("/") and (self.root / name).is_relative_to(self.root) and (
            self.root / name).is_file()  # fmt: skip

    def open(self, name: str) -> Any:
        import pyarrow as pa

        return pa.OSFile(os.fsencode(self.root / name))


@dataclass(frozen=True)
class RemotePlace:
    store: S3Store
    stamps: dict[str, tuple[int, str]]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return self.store.uri

    def read(self, name: str) -> bytes:
        try:
            return self.store.get(name)
        except MissingKeyError:
            raise UserError(f"{where(self, name)} vanished while it was read: try again.") from None

    def has(self, name: str) -> bool:
        return name in self.stamps

    def open(self, name: str) -> Any:
        return io.BytesIO(self.read(name))


def where(place: Place, file: str) -> str:
    """Name a file for messages."""
    return f"{place.uri}/{readable(file)}"


def open_place(location: str) -> Place:
    """List the files under a folder or an `s3://` prefix, or the one file that `location` names.

    Raises `UserError` if there are none.
    """
    place = _remote(location) if location.startswith("s3://") else _local(location)
    if not place.stamps:
        raise UserError(
            f"{readable(location)!r} holds no files: name the folder that has the data."
        )
    return place


def fingerprint(name: str, place: Place, options: dict[str, Any]) -> str:
    """Digest the names, sizes and versions of the files, and the options by which they are read.

    A source with the same fingerprint is not ingested again.
    """
    text = json.dumps([FORMAT, name, options, place.uri, sorted(place.stamps.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _local(location: str) -> Place:
    path = Path(location.removeprefix("file://")).expanduser().absolute()
    if path.is_file() and is_archive(path.name):
        version = "{} {}".format(*_stamp(path.stat()))
        return open_archive(readable(str(path)), path.open("rb"), version)
    if path.is_file():
        return LocalPlace(path.parent, {path.name: _stamp(path.stat())})
    if not path.is_dir():
        raise UserError(f"folder {readable(location)!r} does not exist: correct the path.")
    files, left_out = walk(path)
    found = {file: _stamp(stat) for file, stat in files.items()}
    stamps, junk = without_junk(found)
    return LocalPlace(path, stamps, left_out + junk)


def _stamp(stat: os.stat_result) -> tuple[int, str]:
    """Return a file's size and version.

    The version holds the change time, too: archives restore modification times, and every IDX
    file of images has the same size.
    """
    return stat.st_size, f"{stat.st_mtime_ns}-{stat.st_ctime_ns}"


def _remote(location: str) -> Place:
    only = None
    if location.endswith((".parquet", ".bin", ".gz")) or is_archive(location):
        location, _, only = location.rpartition("/")
    store = open_store(location)
    if not isinstance(store, S3Store):
        raise UserError(f"{location!r} is no S3 address: write s3://bucket/prefix.")
    found = store.list_etags(only or "", patient=False)
    stamps, junk = without_junk({k: v for k, v in found.items() if v[0] and only in {None, k}})
    place = RemotePlace(store, stamps, junk)
    if only in stamps and is_archive(only):
        return open_archive(where(place, only), place.open(only), stamps[only][1])
    return place
