"""A store whose new objects wait on the local disk until all is known to be well."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gensweep.storage._file import FileStore
from gensweep.storage._protocol import ObjectStore


class StagedStore:
    """`store` as it would be with the objects in `folder`, to which all writes go."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._new = store, FileStore(folder)
        self._keys: list[str] = []

    @property
    def uri(self) -> str:
        return self._store.uri

    def put(self, key: str, data: bytes) -> None:
        self._new.put(key, data)
        self._keys.append(key)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self._of(key).get(key, start, length)

    def exists(self, key: str) -> bool:
        return self._of(key).exists(key)

    def size(self, key: str) -> int:
        return self._of(key).size(key)

    def list(self, prefix: str = "") -> list[str]:
        return sorted({*self._store.list(prefix), *self._new.list(prefix)})

    def delete(self, key: str) -> None:
        """Remove an object that waits; those in the store stay."""
        self._new.delete(key)

    def check(self) -> None:
        self._store.check()

    def publish(self) -> None:
        """Put what waits into the store, in the order in which it was written."""
        for key in dict.fromkeys(self._keys):
            if self._new.exists(key):
                self._store.put(key, self._new.get(key))
        self._keys.clear()

    def _of(self, key: str) -> ObjectStore:
        return self._new if self._new.exists(key) else self._store


@contextmanager
def staged(store: ObjectStore, scratch: Path) -> Iterator[StagedStore]:
    """A stage in a folder of `scratch` that is gone at the end, with what was not published."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield StagedStore(store, Path(folder))
