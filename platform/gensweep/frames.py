"""Tells which line of a user's own file an error comes from."""

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

LIBRARIES = {"gensweep", "torch", *sys.stdlib_module_names}
"""Packages whose frames are no user's."""
INSTALLED = "site-packages"
CATALOGUE = "gensweep_models"
"""Its models are told as a user's are, what they share is not."""


def line_of(trace: TracebackType) -> str:
    """Name the file and the line of the outermost frame: "lsgan.py, line 34"."""
    (frame,) = traceback.extract_tb(trace, limit=1)
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def user_line(error: BaseException) -> str:
    """Name the innermost line that is a user's, or a catalogue's model's; empty: there is none.

    One of an installed package is taken only where there is no other.
    """
    users = [trace for trace in _traces(error) if _is_users(trace)]
    own = [trace for trace in users if INSTALLED not in trace.tb_frame.f_code.co_filename]
    return line_of((own or users)[-1]) if users else ""


def with_user_line(error: BaseException) -> str:
    """Word an error in one line, with that line behind it where there is one.

    >>> with_user_line(ValueError("too wide\\nby far"))
    'ValueError: too wide'
    """
    words, line = str(error).partition("\n")[0], user_line(error)
    return f"{type(error).__name__}: {words}" + (f" ({line})" if line else "")


def refusal(error: Exception) -> str:
    """Word why a model was not built: what it refuses as it is, a mistake in it with its line.

    >>> refusal(ValueError("`0 < beta` must hold")), refusal(KeyError("beta"))
    ('`0 < beta` must hold', "KeyError: 'beta'")
    """
    return str(error) if isinstance(error, ValueError) else with_user_line(error)


def _traces(error: BaseException) -> Iterator[TracebackType]:
    """Yield the traceback from each frame on, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_users(trace: TracebackType) -> bool:
    frame = trace.tb_frame
    if frame.f_code.co_filename.startswith("<"):  # code that was made while it ran
        return False
    module = str(frame.f_globals.get("__name__"))
    package, *inner = module.split(".")
    if package == CATALOGUE:  # a model's file is in the folder of its family
        return len(inner) > 1 and inner[0] != "nets"
    return package == "__main__" or package not in LIBRARIES
