"""Reads the files of a data set from an S3 prefix, whole or in parts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gensweep.data._place import where
from gensweep.errors import UserError
from gensweep.storage import MissingKeyError, S3Store

BLOCK = 1 << 20
"""Bytes that are fetched at least, where parts of a file are."""


@dataclass(frozen=True)
class RemotePlace:
    store: S3Store
    stamps: dict[str, tuple[int, str]]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return self.store.uri

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            return self.store.get(name, start, length)
        except MissingKeyError:
            raise UserError(f"{where(self, name)} vanished while it was read: try again.") from None

    def has(self, name: str) -> bool:
        return name in self.stamps

    def open(self, name: str) -> Any:
        return io.BufferedReader(_Ranges(self, name), BLOCK)


class _Ranges(io.RawIOBase):
    """A file of a store, of which only what is asked for is fetched."""

    def __init__(self, place: RemotePlace, name: str) -> None:
        self._place, self._name, self._at = place, name, 0
        self._size = place.stamps[name][0]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        self._at = max(0, starts[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        data = self._place.read(self._name, self._at, length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
