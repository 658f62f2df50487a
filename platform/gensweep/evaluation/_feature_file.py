"""Finds the file of a feature network: where the user has it, or in the sweep's store."""

import errno
import os
from pathlib import Path

from gensweep.errors import UserError
from gensweep.metrics import FileFeatures, feature_input
from gensweep.storage import MissingKeyError, ObjectStore, StoreError, open_store


def load_file_features(
    location: str, input_name: str, store: ObjectStore, expected_hash: str | None = None
) -> FileFeatures:
    """Read the network of a file, a path or `s3://` address, and keep the file in the store.

    With the `expected_hash` of a sweep that has begun, the store's copy is read: workers may not
    reach the file. `UserError` for what cannot be read, or is no feature network.
    """
    if (kept := kept_file_features(location, input_name, store, expected_hash)) is not None:
        return kept
    found, data = read_file_features(location, input_name)
    if expected_hash not in (None, found.hash):
        raise UserError(
            f"features {location} hashes to {found.hash}, the sweep was begun with "
            f"{expected_hash}: bring that file back, or begin a new sweep."
        )
    if not store.exists(_key(found.hash)):
        store.put(_key(found.hash), data)
    return found


def kept_file_features(
    location: str, input_name: str, store: ObjectStore, expected_hash: str | None
) -> FileFeatures | None:
    """Read the store's copy of the file that a sweep was begun with; None if it has none."""
    if expected_hash is None or not store.exists(_key(expected_hash)):
        return None
    found = FileFeatures.load(store.get(_key(expected_hash)), feature_input(input_name), location)
    if found.hash != expected_hash:
        raise UserError(f"features {location}: the store's copy, {_key(expected_hash)}, is "
                        "damaged: delete it, and bring the file back.")  # fmt: skip
    return found


def read_file_features(location: str, input_name: str) -> tuple[FileFeatures, bytes]:
    """Read the network of a file, a path or `s3://` address, and the file's bytes."""
    data = _read(location)
    return FileFeatures.load(data, feature_input(input_name), location), data


def _key(file_hash: str) -> str:
    return f"features/file-{file_hash}"


def _read(location: str) -> bytes:
    try:
        if location.startswith("s3://"):
            prefix, _, name = location.rpartition("/")
            return open_store(prefix).get(name)
        return Path(location).expanduser().read_bytes()
    except (OSError, StoreError, MissingKeyError) as error:
        told = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        if isinstance(error, MissingKeyError):
            told = os.strerror(errno.ENOENT)
        raise UserError(f"features {location} cannot be read ({told}): name the file of a "
                        "network, or s3://bucket/key.") from error  # fmt: skip
