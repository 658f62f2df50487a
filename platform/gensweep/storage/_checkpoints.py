"""Checkpoints of many lanes: one data object, then a manifest that vouches for it.

The manifest is written last. A reader accepts only what matches its sha256 and otherwise goes
back to the checkpoint before, so that no crash, torn file or flipped bit yields a wrong lane.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gensweep.errors import UserError
from gensweep.storage._checksummed_json import dump_checksummed, load_checksummed
from gensweep.storage._errors import CorruptObjectError, MissingKeyError
from gensweep.storage._keys import join_key
from gensweep.storage._protocol import ObjectStore

SCHEMA = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Blob:
    """The place of a lane's bytes within the data object: `offset` and `size` in bytes."""

    offset: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of one checkpoint: its step, its lanes, and the sha256 of its data.

    `key` is the manifest's own key, `data` that of the object with the bytes (`size` of them),
    `parent` the key of the manifest before; `meta` is the writer's own JSON.
    """

    key: str
    data: str
    step: int
    size: int
    sha256: str
    lanes: dict[str, Blob]
    meta: dict[str, Any]
    parent: str | None
    schema: int = SCHEMA


@dataclass
class Checkpoints:
    """The checkpoints under `prefix` of a store. One writer at a time; any number of readers.

    Objects are `STEP-TIME.data` and `STEP-TIME.json` (the manifest); none is ever overwritten.
    """

    store: ObjectStore
    prefix: str
    _verified: set[str] = field(default_factory=set, init=False, repr=False)

    def write(self, step: int, lanes: Mapping[str, bytes], meta: dict[str, Any]) -> Manifest:
        """Store the lanes' bytes at `step`; durable and readable on return. `meta` is JSON.

        Raises `UserError` for a negative step, `TypeError` or `ValueError` if `meta` is no JSON.
        """
        if step < 0:
            raise UserError(f"`0 <= step` must hold, but got {step=}.")
        keys = self._keys()
        # A time and a random tail: a pack that was thought dead may still write the same step.
        name = f"{step:012d}-{time.time_ns():016x}{secrets.token_hex(2)}"
        stem = join_key(self.prefix, name)
        data = b"".join(lanes.values())
        manifest = Manifest(
            key=f"{stem}.json",
            data=f"{stem}.data",
            step=step,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            lanes=_blobs(lanes),
            meta=meta,
            parent=keys[-1] if keys else None,
        )
        document = dump_checksummed(asdict(manifest))  # before any put: meta may not be JSON
        # Until the manifest is there, no reader looks at the data: a crash between the two costs
        # an orphaned object, never a checkpoint without its bytes.
        self.store.put(manifest.data, data)
        self.store.put(manifest.key, document)
        return manifest

    def read_lane(
        self, name: str, before: int | None = None, *, since: int = 0
    ) -> tuple[bytes, dict[str, Any]]:
        """Read the newest undamaged bytes of a lane, and the `meta` written with them.

        `before` leaves out that step and later ones, `since` those before it. Raises
        `MissingKeyError` if there are none.
        """
        for manifest in self.manifests(before):
            if name not in manifest.lanes or manifest.step < since:
                continue
            try:
                return self._blob(manifest, name), manifest.meta
            except (CorruptObjectError, MissingKeyError) as error:
                _log.warning("lane %r of %s passed over: %s", name, manifest.key, error)
        raise MissingKeyError(
            f"no checkpoint of lane {name!r} under {self.store.uri}/{self.prefix}"
        )

    def latest(self, before: int | None = None) -> Manifest | None:
        """Return the newest checkpoint whose data are there in full length, None if there is none.

        `before` leaves out that step and later ones.
        """
        # The length alone: a sha256 would fetch gigabytes, and `read_lane` checks what it reads.
        return next((m for m in self.manifests(before) if self._has_data(m)), None)

    def manifests(self, before: int | None = None) -> Iterator[Manifest]:
        """Yield every undamaged manifest, newest first; damaged ones are logged and left out."""
        for key in reversed(self._keys()):
            if before is not None and not _step_of(key) < before:
                continue
            try:
                manifest = _parse(self.store.get(key))
            except (CorruptObjectError, MissingKeyError) as error:
                _log.warning("manifest %s passed over: %s", key, error)
                continue
            # A copy under another key would vouch for another's data, as a name of others would.
            if manifest.key == key and manifest.data == f"{key.removesuffix('.json')}.data":
                yield manifest

    def prune(self, keep: int, lanes: Collection[str] = ()) -> list[str]:
        """Delete all but the newest `keep` checkpoints; returns the deleted manifests' keys.

        Only those whose every byte verifies count as kept, and so nothing is deleted before a
        newer one is known to be good. The newest good checkpoint of each of `lanes` stays too.
        Raises `UserError` unless `1 <= keep`.
        """
        if keep < 1:
            raise UserError(f"`1 <= keep` must hold, but got {keep=}.")
        good: list[Manifest] = []
        wanted, kept = set(lanes), set[str]()
        for manifest in self.manifests():
            if (len(good) < keep or wanted & set(manifest.lanes)) and self.verify(manifest):
                good.append(manifest)
                wanted -= set(manifest.lanes)
                kept |= {manifest.key, manifest.data}
        return self._delete_before(good[keep - 1].key, kept) if len(good) >= keep else []

    def verify(self, manifest: Manifest) -> bool:
        """Return whether the data object has the manifest's sha256."""
        # Objects are never overwritten, so each is fetched for this once in a process's life.
        if manifest.key not in self._verified:
            try:
                data = self.store.get(manifest.data)
            except MissingKeyError:
                return False
            if hashlib.sha256(data).hexdigest() != manifest.sha256:
                return False
            self._verified.add(manifest.key)
        return True

    def _delete_before(self, oldest: str, kept: set[str]) -> list[str]:
        """Delete manifests before their data, so that a crash leaves none without its data."""
        stale = [key for key in self._keys("") if key < oldest and key not in kept]
        manifests = [key for key in stale if key.endswith(".json")]
        for key in manifests + [key for key in stale if key.endswith(".data")]:
            self.store.delete(key)
        return manifests

    def _keys(self, suffix: str = ".json") -> list[str]:
        prefix = join_key(self.prefix) + "/"
        found = self.store.list(prefix)
        return [k for k in found if k.endswith(suffix) and "/" not in k[len(prefix) :]]

    def _has_data(self, manifest: Manifest) -> bool:
        try:
            return self.store.size(manifest.data) == manifest.size
        except MissingKeyError:
            return False

    def _blob(self, manifest: Manifest, name: str) -> bytes:
        blob = manifest.lanes[name]
        data = self.store.get(manifest.data, blob.offset, blob.size)
        if hashlib.sha256(data).hexdigest() != blob.sha256:
            raise CorruptObjectError(f"{manifest.data} does not match its sha256")
        return data


def _step_of(key: str) -> int:
    """Parse the step from the manifest's name, which spares reading it; -1 for other names."""
    step = key.rpartition("/")[2].partition("-")[0]
    return int(step) if step.isdigit() else -1


def _blobs(lanes: Mapping[str, bytes]) -> dict[str, Blob]:
    blobs, offset = {}, 0
    for name, data in lanes.items():
        blobs[name] = Blob(offset, len(data), hashlib.sha256(data).hexdigest())
        offset += len(data)
    return blobs


def _parse(document: bytes) -> Manifest:
    body = load_checksummed(document)
    if body.get("schema") != SCHEMA:
        raise CorruptObjectError(f"schema {body.get('schema')} instead of {SCHEMA}")
    try:
        lanes = {name: Blob(**blob) for name, blob in body.pop("lanes").items()}
        manifest = Manifest(lanes=lanes, **body)
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptObjectError(f"no manifest of a checkpoint: {error}") from None
    blobs = manifest.lanes.values()
    numbers = [manifest.step, manifest.size, *(n for one in blobs for n in (one.offset, one.size))]
    if wrong := [n for n in numbers if type(n) is not int or not 0 <= n < 2**63]:
        raise CorruptObjectError(f"the manifest of a checkpoint counts {wrong[0]!r}")
    return manifest
