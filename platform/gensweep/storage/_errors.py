"""What can go wrong with a store."""

from gensweep.errors import UserError


class StoreError(UserError):
    """The store refuses: wrong credentials, no such bucket, a read-only folder."""


class StoreUnavailableError(StoreError):
    """No answer, or only server errors, after all retries. Trying again later may help."""


class MissingKeyError(KeyError):
    """There is no object of that key."""


class CorruptObjectError(Exception):
    """An object's bytes are not those that were written."""
