"""The protocol that every object store meets."""

from typing import Protocol


class ObjectStore(Protocol):
    """Maps keys to bytes. `put` is atomic: readers see the old object or the new one, never a part.

    Thread safe; a copy pickled into another process opens the same store with the credentials
    it finds there. Nothing rests on conditional writes, which S3 servers honour differently.
    """

    @property
    def uri(self) -> str:
        """The store's address without credentials: `s3://bucket/prefix` or `file:///folder`."""

    def put(self, key: str, data: bytes) -> None:
        """Write or replace an object; durable on return."""

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes `start .. start + length`, fewer at the end. Raises `MissingKeyError`."""

    def exists(self, key: str) -> bool:
        """Return whether there is an object of that key."""

    def size(self, key: str) -> int:
        """Return an object's length in bytes. Raises `MissingKeyError`."""

    def list(self, prefix: str = "") -> list[str]:
        """Return all keys that begin with `prefix`, sorted."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def check(self) -> None:
        """Write, read and delete a probe, in seconds. Raises `StoreError` with the cure."""
