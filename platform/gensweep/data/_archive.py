"""Reads the files of a zip or tar archive as if they lay in a folder."""

from __future__ import annotations

import io
import lzma
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from gensweep.data._unreadable import UnreadableError
from gensweep.data._walk import without_junk
from gensweep.errors import UserError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What unpacking raises: damage, a password, a method of packing that Python has not."""
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
        try:
            if isinstance(member, zipfile.ZipInfo):
                return bytes(self.archive.read(member))
        except DAMAGE as error:
            why = "is encrypted" if member.flag_bits & 1 else f"is damaged ({error})"
            raise UnreadableError(f"{self.uri}/{name}", why) from None
        with self.lock:  # threads share the place in the file
            self.archive.seek(member.offset_data)
            data = self.archive.read(member.size)
        if len(data) != member.size:
            raise UnreadableError(f"{self.uri}/{name}", "is cut off")
        return bytes(data)

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
        archive, members = _zip(file) if zipfile.is_zipfile(file) else _tar(file)
    except (tarfile.TarError, *DAMAGE) as error:
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


def _tar(file: IO[bytes]) -> tuple[Any, Members]:
    file.seek(0)
    with tarfile.open(fileobj=file) as packed:
        plain = file if packed.fileobj is file else _unpacked(packed.fileobj)
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


def _unpacked(packed: Any) -> IO[bytes]:
    plain = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the place)
    packed.seek(0)
    shutil.copyfileobj(packed, plain)
    plain.seek(0)
    return plain
