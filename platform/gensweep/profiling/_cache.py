"""What was measured of full packs, remembered by each machine."""

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
    """A full pack of some width."""

    ms: float
    """Milliseconds a lane and round, which is one batch."""

    mib: float
    """Memory of the whole pack."""

    seconds: float
    """What measuring it took."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value >= 0 for value in astuple(self)):
            raise ValueError(f"{self} holds no measurement.")


Table = dict[int, PackProfile]
"""Width to what was measured of it."""


class ProfileCache:
    """The table of `of`, plain JSON that says what was measured, in a file of this machine's."""

    def __init__(self, of: Mapping[str, Any]):
        self._of = json.loads(json.dumps(of, sort_keys=True, default=str))
        hashed = hashlib.sha256(json.dumps(self._of, sort_keys=True).encode()).hexdigest()
        self.file = find_home().path / FOLDER / f"{hashed[:16]}.json"

    def load(self) -> Table:
        """Empty if there is none, or if it cannot be read."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept = json.loads(self.file.read_text())
            if kept["of"] == self._of:
                return {int(w): PackProfile(*map(float, p)) for w, p in kept["points"].items()}
        return {}

    def save(self, table: Table) -> None:
        """Replace the file; a home that cannot be written costs a measurement next time."""
        points = {width: astuple(table[width]) for width in sorted(table)}
        with suppress(OSError):
            write_atomically(self.file, json.dumps({"of": self._of, "points": points}) + "\n")
