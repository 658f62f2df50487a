"""Opens the folder, archive or `s3://` prefix in which the files of a data set are."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from gensweep.data._archive import ArchivePlace, is_archive, open_archive
from gensweep.data._bucket import RemotePlace
from gensweep.data._place import LocalPlace, Place, where
from gensweep.data._walk import readable, walk, without_junk
from gensweep.errors import UserError
from gensweep.storage import S3Store, open_store


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


def _local(location: str) -> Place:
    path = Path(location.removeprefix("file://")).expanduser().absolute()
    if path.is_file() and is_archive(path.name):
        return _archive(path, "{} {}".format(*_stamp(path.stat())))
    if path.is_file():
        return LocalPlace(path.parent, {path.name: _stamp(path.stat())})
    if not path.is_dir():
        raise UserError(f"folder {readable(location)!r} does not exist: correct the path.")
    files, left_out = walk(path)
    found = {file: _stamp(stat) for file, stat in files.items()}
    stamps, junk = without_junk(found)
    return LocalPlace(path, stamps, left_out + junk)


@lru_cache(maxsize=1)
def _archive(path: Path, version: str) -> ArchivePlace:
    """Open an archive once for all splits of its data set: to list a packed one unpacks it."""
    return open_archive(readable(str(path)), path.open("rb"), version)


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
