"""An object store in a folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gensweep.files import FULL, sync, write_atomically
from gensweep.patience import Patience
from gensweep.storage._errors import MissingKeyError, StoreError, StoreUnavailableError
from gensweep.storage._keys import validated_key

WAIT_S = 60.0
"""How long a full disk is waited for, unless the store is opened with more patience."""
_SCRATCH = ".scratch"
"""Folder of half-written files: inside the root, since a rename must not leave the file system."""


class FileStore:
    """Objects are files under `root`; a write is a synced scratch file and a rename.

    Unlike in a bucket, `a` and `a/b` cannot both be objects. A full disk is waited for with
    `patience`, by default for a minute, before `StoreUnavailableError` is raised.
    """

    def __init__(self, root: str | Path, patience: Patience | None = None) -> None:
        self.root = Path(os.path.abspath(root))
        self._patience = patience or Patience(WAIT_S)

    @property
    def uri(self) -> str:
        return "file://" + quote(str(self.root))

    def __repr__(self) -> str:
        return f"FileStore({str(self.root)!r})"

    def put(self, key: str, data: bytes) -> None:
        self._patience.keep_trying(lambda: self._put(key, data))

    def _put(self, key: str, data: bytes) -> None:
        target = self._path(key)
        try:
            write_atomically(target, data, mode=0o666, folder=self.root / _SCRATCH, durable=True)
            self._sync_above(target.parent)
        except OSError as error:
            raise self._store_error("write", key, error) from None

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise MissingKeyError(f"{self.uri}/{key}") from None
        except OSError as error:
            raise self._store_error("read", key, error) from None

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        path = self._path(key)
        if not path.is_file():
            raise MissingKeyError(f"{self.uri}/{key}")
        return path.stat().st_size

    def list(self, prefix: str = "") -> list[str]:
        folder = self.root / prefix.rpartition("/")[0]
        found = []
        # Only the prefix's own folder is walked: a store holds the shards of whole data sets.
        for where, folders, files in os.walk(folder):
            relative = Path(where).relative_to(self.root)
            if relative == Path():
                folders[:] = [name for name in folders if name != _SCRATCH]
            found += [(relative / name).as_posix() for name in files]
        return sorted(key for key in found if key.startswith(prefix))

    def delete(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except (NotADirectoryError, IsADirectoryError):  # so there is no object of that key
            return
        except OSError as error:
            raise self._store_error("delete", key, error) from None

    def check(self) -> None:
        made = [p for p in (self.root, *self.root.parents) if not p.exists()]
        key = f".probe-{secrets.token_hex(8)}"
        try:
            self._put(key, b"probe")
            if self.get(key) != b"probe":
                raise StoreError(f"{self.uri} returned other bytes than were written: check it.")
            self.delete(key)
        finally:
            # A check leaves no trace, not even the folder that it had to make for its probe.
            if made:
                _remove_empty([self.root / _SCRATCH, *made])

    def _path(self, key: str) -> Path:
        return self.root / validated_key(key)

    def _sync_above(self, folder: Path) -> None:
        """Sync the folders above `folder`, up to the root: a new one's name lies in its parent."""
        while folder != self.root:
            folder = folder.parent
            sync(folder)

    def _store_error(self, verb: str, key: str, error: OSError) -> StoreError:
        what = f"cannot {verb} {key!r} in {self.uri} ({error.strerror})"
        if error.errno in FULL:
            return StoreUnavailableError(f"{what}: make room there.")
        return StoreError(f"{what}: choose a folder that is writable and has space.")


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


if TYPE_CHECKING:
    from gensweep.storage._protocol import ObjectStore

    _: ObjectStore = FileStore("folder")
