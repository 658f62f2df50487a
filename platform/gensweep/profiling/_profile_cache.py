"""A file cache of profiles: each machine measures a full pack of an architecture once."""

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import Any

from gensweep.files import write_atomically
from gensweep.home import find_home

FOLDER = "paces"


@dataclass(frozen=True, slots=True)
class PackProfile:
    """Speed and memory of a pack of some width, all of whose lanes train.

    `ValueError` unless all three are finite and not negative.
    """

    lane_round_ms: float
    """Milliseconds of a round divided by the pack's lanes; a round is one batch of each lane."""

    memory_mib: float
    """Memory of the whole pack, in MiB."""

    measuring_s: float
    """Seconds that the measurement took, tracing included."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value >= 0 for value in astuple(self)):
            raise ValueError(f"{self} holds no measurement.")


ProfileTable = dict[int, PackProfile]
"""The profiles of one architecture, by the pack's width."""


class ProfileCache:
    """Reads and writes the `ProfileTable` of one architecture on one machine.

    `key` is plain JSON with everything that speed or memory depends on; its hash names the file.
    """

    def __init__(self, key: Mapping[str, Any]):
        self._key = json.loads(json.dumps(key, sort_keys=True, default=str))
        hashed = hashlib.sha256(json.dumps(self._key, sort_keys=True).encode()).hexdigest()
        self.file = find_home().path / FOLDER / f"{hashed[:16]}.json"

    def load(self) -> ProfileTable:
        """Read the table; empty if there is none, or if the file cannot be read."""
        with suppress(Exception):  # whatever is in it: it is measured anew
            stored = json.loads(self.file.read_text())
            # The name holds 64 bits of the hash: the whole key rules out another's file.
            if stored["of"] == self._key:
                return {int(w): PackProfile(*map(float, p)) for w, p in stored["points"].items()}
        return {}

    def save(self, table: ProfileTable) -> None:
        """Replace the file; a home that cannot be written costs a measurement next time."""
        points = {width: astuple(table[width]) for width in sorted(table)}
        with suppress(OSError):
            write_atomically(self.file, json.dumps({"of": self._key, "points": points}) + "\n")
