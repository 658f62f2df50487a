"""The files of a data set, and how they are read from a local folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gensweep.data._unreadable import UnreadableError
from gensweep.data._walk import readable

FORMAT = 3
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


def where(place: Place, file: str) -> str:
    """Name a file for messages."""
    return f"{place.uri}/{readable(file)}"


def fingerprint(name: str, place: Place, options: dict[str, Any]) -> str:
    """Digest the names, sizes and versions of the files, and the options by which they are read.

    A source with the same fingerprint is not ingested again.
    """
    text = json.dumps([FORMAT, name, options, place.uri, sorted(place.stamps.items())])
    return hashlib.sha256(text.encode()).hexdigest()
