"""The one exception that means: the user can mend this."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from gensweep.files import FULL

LONGEST = 150
"""Characters that are told of another's error."""
_log = logging.getLogger(__name__)


class UserError(ValueError):
    """Bad input, found before anything was started. One line: the value, and the cure."""


class ServerAwayError(UserError):
    """A server that gave no answer, or none of use, or a full disk; that may change soon."""


@contextmanager
def refuse_unreadable(what: str, cure: str) -> Iterator[None]:
    """Turn whatever a reader raises for bytes from elsewhere into a `UserError` of one line.

    They may be damaged, or made to do harm: decoders raise errors of any kind for them. The line
    names `what` is read, the error, and the `cure`; a `UserError` stays as it is. A full disk, of
    what is written beside the reading, is a `ServerAwayError`: that may change.

    >>> with refuse_unreadable("the table t.json", "write it anew"):
    ...     [][3]
    Traceback (most recent call last):
    gensweep.errors.UserError: the table t.json cannot be read (list index out of range): write it \
anew.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise ServerAwayError(
                f"{what} cannot be prepared ({error.strerror}): make room on the disk."
            ) from error
        _log.debug("%s cannot be read", what, exc_info=True)
        told = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
        told = f"no {told}" if isinstance(error, KeyError) else told
        raise UserError(f"{what} cannot be read ({told[:LONGEST]}): {cure}.") from error
