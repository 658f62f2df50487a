"""A store whose new objects wait on the local disk until they are published together."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gensweep.storage._file import FileStore
from gensweep.storage._protocol import ObjectStore


class StagedStore:
    """A view of `store` together with the objects in `folder`, to which all writes go.

    A dry run writes here and publishes nothing; a run publishes once every check has passed.
    """

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
        return self._holder(key).get(key, start, length)

    def exists(self, key: str) -> bool:
        return self._holder(key).exists(key)

    def size(self, key: str) -> int:
        return self._holder(key).size(key)

    def list(self, prefix: str = "") -> list[str]:
        return sorted({*self._store.list(prefix), *self._new.list(prefix)})

    def delete(self, key: str) -> None:
        """Remove an object that is not published yet; those in the store stay."""
        self._new.delete(key)

    def check(self) -> None:
        self._store.check()

    def publish(self) -> None:
        """Copy the waiting objects into the store, in the order in which they were written."""
        # The order matters: a manifest or an index is written after the objects that it names.
        for key in dict.fromkeys(self._keys):
            if self._new.exists(key):
                self._store.put(key, self._new.get(key))
        self._keys.clear()

    def _holder(self, key: str) -> ObjectStore:
        return self._new if self._new.exists(key) else self._store


@contextmanager
def staged_store(store: ObjectStore, scratch: Path) -> Iterator[StagedStore]:
    """Yield a `StagedStore` over `store`; at the end, what was not published is gone.

    Its objects wait in a temporary folder within `scratch`, which is made if need be.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield StagedStore(store, Path(folder))
