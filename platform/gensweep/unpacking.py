"""Bounds what compressed files unpack to: one of kilobytes may hold terabytes of zeros."""

import gzip
import io
import shutil
import tempfile
from collections.abc import Iterable
from typing import IO
from zipfile import ZipInfo

from gensweep.errors import UserError

FLOOR = 256 << 20
"""Bytes that any file may unpack to."""
RATIO = 100
"""Times its own size that a larger one may unpack to: photos reach 2, tables of numbers 20."""
CHUNK = 1 << 20


def most_unpacked(packed: int) -> int:
    """Return to how many bytes a file of `packed` bytes may unpack."""
    return max(FLOOR, RATIO * packed)


def too_large(where: str, most: int) -> UserError:
    """Tell of a file that unpacks to more than `most` bytes."""
    return UserError(f"{where} unpacks to more than {most:,} bytes, far more than its own size: "
                     "unpack it yourself if it is what it should be.")  # fmt: skip


def _no_room(where: str, folder: str, room: int) -> UserError:
    return UserError(f"{where} unpacks to more than {room:,} bytes, half of what is free in "
                     f"{folder}: make room, or set TMPDIR to another disk.")  # fmt: skip


def gunzip(data: bytes, where: str) -> bytes:
    """Unpack a gzip file; `UserError` if it unpacks to too much.

    Raises what `gzip` does for a damaged one: OSError, EOFError, `zlib.error`.
    """
    most = most_unpacked(len(data))
    with gzip.open(io.BytesIO(data)) as file:
        unpacked = file.read(most + 1)
    if len(unpacked) > most:
        raise too_large(where, most)
    return unpacked


def unpack_to_disk(packed: IO[bytes], size: int, where: str) -> IO[bytes]:
    """Unpack a stream, whose packed `size` is in bytes, into an unnamed temporary file.

    `UserError` if that is too much, or more than half of what the disk has free.
    """
    folder = tempfile.gettempdir()
    most, room = most_unpacked(size), shutil.disk_usage(folder).free // 2
    plain = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the place)
    while chunk := packed.read(CHUNK):
        if plain.tell() + len(chunk) > min(most, room):
            plain.close()
            raise too_large(where, most) if most < room else _no_room(where, folder, room)
        plain.write(chunk)
    plain.seek(0)
    return plain


def check_members(members: Iterable[ZipInfo], where: str) -> None:
    """`UserError` if the files of a zip archive say that they unpack to too much together."""
    sizes = [(one.file_size, one.compress_size) for one in members]
    most = most_unpacked(sum(packed for _, packed in sizes))
    if sum(size for size, _ in sizes) > most:
        raise too_large(where, most)
