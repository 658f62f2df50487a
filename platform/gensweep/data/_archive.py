"""Reads the files of a zip or tar archive as if they lay in a folder."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from gensweep.data._unreadable import UnreadableError
from gensweep.data._walk import without_junk
from gensweep.errors import UserError
from gensweep.unpacking import most_unpacked, too_large, unpack_to_disk

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNPACKERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
"""By the first bytes of a packed file."""
Members = Mapping[str, Any]
"""Name to `ZipInfo` or `TarInfo`."""


@dataclass(frozen=True)
class ArchivePlace:
    """The files of an archive, read one at a time; `stamps` have the archive's own version."""

    uri: str
    archive: Any
    """A `ZipFile`, or the plain bytes of a tar as a file."""

    members: Members
    stamps: dict[str, tuple[int, str]]
    left_out: Mapping[str, int]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, name: str) -> bytes:
        member = self.members[name]
        if isinstance(member, zipfile.ZipInfo):
            return self._unzipped(name, member)
        with self.lock:  # threads share the place in the file
            self.archive.seek(member.offset_data)
            data = self.archive.read(member.size)
        if len(data) != member.size:
            raise UnreadableError(f"{self.uri}/{name}", "is cut off")
        return bytes(data)

    def _unzipped(self, name: str, member: zipfile.ZipInfo) -> bytes:
        where, most = f"{self.uri}/{name}", most_unpacked(member.compress_size)
        if member.file_size > most:
            raise too_large(where, most)
        try:
            return bytes(self.archive.read(member))
        except Exception as error:  # damage, a password, a method of packing that Python has not
            why = "is encrypted" if member.flag_bits & 1 else f"is damaged ({error})"
            raise UnreadableError(where, why) from None

    def has(self, name: str) -> bool:
        return name in self.stamps

    def open(self, name: str) -> Any:
        return io.BytesIO(self.read(name))


def is_archive(location: str) -> bool:
    """Return whether a file is an archive by its name."""
    return location.lower().endswith(ENDINGS)


def open_archive(uri: str, file: IO[bytes], version: str) -> ArchivePlace:
    """List the files of an archive; `UserError` if it is damaged.

    `version` changes when the archive does. A compressed tar is unpacked into a temporary file,
    as nothing of it can be read before all that precedes it.
    """
    try:
        archive, members = _zip(file) if zipfile.is_zipfile(file) else _tar(file, uri)
    except UserError:
        raise
    except Exception as error:  # of any kind, as unpackers meet bytes of any kind
        raise UserError(
            f"{uri} is no whole archive ({type(error).__name__}): fetch it again."
        ) from None
    links = {name for name, one in members.items()
             if isinstance(one, tarfile.TarInfo) and not one.isreg()}  # fmt: skip
    found = {name: (_size(one), version) for name, one in members.items() if name not in links}
    stamps, left_out = without_junk(found)
    return ArchivePlace(uri, archive, members, stamps,
                        left_out + Counter({"link(s) in the archive": len(links)}))  # fmt: skip


def _size(member: Any) -> int:
    return int(member.size if isinstance(member, tarfile.TarInfo) else member.file_size)


def _zip(file: IO[bytes]) -> tuple[Any, Members]:
    archive = zipfile.ZipFile(file)
    return archive, {one.filename: one for one in archive.infolist() if not one.is_dir()}


def _tar(file: IO[bytes], uri: str) -> tuple[Any, Members]:
    plain = _unpacked(file, uri)
    with tarfile.open(fileobj=plain, mode="r:") as archive:
        members = archive.getmembers()
    _check_end(plain, members)
    return plain, {one.name.removeprefix("./"): one for one in members if not one.isdir()}


def _check_end(plain: IO[bytes], members: list[tarfile.TarInfo]) -> None:
    """`EOFError` unless empty blocks follow the last member: one that is cut off has none."""
    block = tarfile.BLOCKSIZE
    sizes = ((m.offset_data, m.size if m.isreg() else 0) for m in members)
    plain.seek(max((at + -(-size // block) * block for at, size in sizes), default=0))
    if plain.read(block) != bytes(block):
        raise EOFError


def _unpacked(file: IO[bytes], uri: str) -> IO[bytes]:
    """Unpack a tar that is packed before anything reads it: its first header may be gigabytes."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(6)
    file.seek(0)
    for magic, unpacker in UNPACKERS.items():
        if first.startswith(magic):
            return unpack_to_disk(unpacker(file), size, uri)
    return file
