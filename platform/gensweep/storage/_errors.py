"""Errors of object stores."""

from gensweep.errors import ServerAwayError, UserError


class StoreError(UserError):
    """The store refuses a request: wrong credentials, no such bucket, a read-only folder."""


class StoreUnavailableError(StoreError, ServerAwayError):
    """The store gave no answer, or only server errors, or was full, in all retries."""


class StoreDeniedError(StoreError):
    """The store refuses the credentials."""


class MissingBucketError(StoreError):
    """The store has no such bucket, or does not know of it while a server behind it is away."""


def bucket_away(uri: str) -> StoreUnavailableError:
    """Say that a store does not know its own bucket: so Swift answers while a server behind it is
    away or starting."""
    return StoreUnavailableError(
        f"the store does not know the bucket of {uri} now: a server behind it is away or starting "
        "(`gensweep status` tells which of the embedded stack)."
    )


class MissingKeyError(KeyError):
    """No object has this key."""


class CorruptObjectError(Exception):
    """An object's bytes differ from those that were written: their sha256 does not match."""
