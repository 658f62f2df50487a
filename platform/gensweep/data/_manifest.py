"""The record of an ingested data set: what it is, and the shards that hold it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import prod
from typing import Any

from gensweep.data._source import Column, Meta
from gensweep.storage import (
    CorruptObjectError,
    MissingKeyError,
    ObjectStore,
    dump_checksummed,
    load_checksummed,
    safe_name,
)


@dataclass(frozen=True, slots=True)
class Shard:
    key: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of an ingested data set, and the shards that hold its examples.

    `hash` is the sha256 of the examples, labels and names of classes, whatever the files they came
    in; `notes` say how those were read.
    """

    name: str
    hash: str
    meta: Meta
    shards: dict[str, tuple[Shard, ...]]
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.name}-{self.hash[:16]}"

    def count(self, split: str) -> int:
        return sum(shard.rows for shard in self.shards[split])

    def nbytes(self, split: str) -> int:
        """Count the bytes of a split's arrays."""
        sizes = {"uint8": 1, "float32": 4, "int64": 8}
        stored = self.meta.stored.values()
        return self.count(split) * sum(sizes[dtype] * prod(shape) for dtype, shape in stored)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Manifest:
        try:
            meta = dict(body["meta"])
            modes = meta["modes"]
            meta |= {"shape": tuple(meta["shape"]), "class_names": tuple(meta["class_names"])}
            meta |= {name: tuple(meta.get(name, ())) for name in ("mean", "std")}
            columns = [dict(column) for column in meta.get("columns", ())]
            meta["columns"] = tuple(Column(**c | {"shape": tuple(c["shape"])}) for c in columns)
            meta["modes"] = None if modes is None else tuple(tuple(mode) for mode in modes)
            shards = {s: tuple(Shard(**x) for x in found) for s, found in body["shards"].items()}
            notes = tuple(body.get("notes", ()))
            found = cls(body["name"], body["hash"], Meta(**meta), shards, notes)
            found._check()
            return found
        except (KeyError, TypeError, AttributeError) as error:
            raise CorruptObjectError(f"not a data set's manifest: {error}") from None

    def _check(self) -> None:
        """Raise `CorruptObjectError` for names that lead out of a folder, and numbers that count
        nothing."""
        shards = [shard for found in self.shards.values() for shard in found]
        numbers = [n for shard in shards for n in (shard.rows, shard.size)]
        numbers += [side for _, shape in self.meta.stored.values() for side in shape]
        if wrong := [n for n in numbers if type(n) is not int or n < 0]:
            raise CorruptObjectError(f"a data set's manifest counts {wrong[0]!r}")
        if safe_name(self.id) != self.id:
            raise CorruptObjectError(f"a data set's manifest is of {self.id!r}")


def manifest_key(identifier: str) -> str:
    return f"datasets/{identifier}/manifest.json"


def index_key(fingerprint: str) -> str:
    return f"datasets/index/{fingerprint}.json"


def read_manifest(store: ObjectStore, identifier: str) -> Manifest | None:
    """Read the manifest of the data set `identifier`; None if there is none, or a damaged one."""
    try:
        found = Manifest.from_json(load_checksummed(store.get(manifest_key(identifier))))
        return found if found.id == identifier else None
    except (MissingKeyError, CorruptObjectError):
        return None


def write_manifest(store: ObjectStore, manifest: Manifest) -> None:
    store.put(manifest_key(manifest.id), dump_checksummed(manifest.to_json()))


def look_up(store: ObjectStore, fingerprint: str) -> Manifest | None:
    """Find the data set that a source of that fingerprint was ingested as, None if it was not."""
    try:
        return read_manifest(
            store, str(load_checksummed(store.get(index_key(fingerprint)))["dataset"])
        )
    except (MissingKeyError, CorruptObjectError, KeyError):
        return None
