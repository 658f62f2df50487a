"""Shows Ctrl-C, or a mistake in a script's sweep, as one line in place of a traceback."""

import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from gensweep.errors import UserError
from gensweep.frames import line_of
from gensweep.log import print_error

MAIN = str(Path(__file__).parent / "driver" / "_main.py")
PACKAGES = ("gensweep", "gensweep_models")
Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def _show_mistake(
    before: Hook, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """End the script with status 2 for a value that cannot be, and 130 for Ctrl-C.

    The first is any `UserError`, and a `ValueError` that our code raises while the script still
    defines its sweep. Any other one is a bug, of the script or ours, and goes to the hook `before`.
    """
    if kind is KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        sys.exit(130)
    if trace is None or not (isinstance(error, UserError) or _is_refused(error, trace)):
        before(kind, error, trace)
        return
    print_error(f"{line_of(trace)}: {error}")
    sys.exit(2)


def _is_refused(error: BaseException, trace: TracebackType) -> bool:
    """Return whether one of our own checks refused a value, before the sweep ran."""
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    if not isinstance(error, ValueError) or MAIN in [f.f_code.co_filename for f in frames]:
        return False
    return str(frames[-1].f_globals.get("__name__")).partition(".")[0] in PACKAGES


def install_excepthook() -> None:
    """Show mistakes of the running script in this way; whatever hook there was sees the others."""
    if getattr(sys.excepthook, "func", None) is not _show_mistake:
        sys.excepthook = partial(_show_mistake, sys.excepthook)
