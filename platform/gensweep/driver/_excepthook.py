"""A mistake in a script's sweep as one line, instead of a traceback through the library."""

import sys
import traceback
from pathlib import Path
from types import TracebackType

from gensweep.errors import UserError

RUNNING = str(Path(__file__).with_name("_main.py"))
OURS = ("gensweep", "gensweep_models")
_before = sys.excepthook


def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An `excepthook`: a value that cannot be ends the script with status 2.

    That is any `UserError`, and a `ValueError` that our code raises while the script still
    defines its sweep. Any other one is a bug, of the script or ours, and is shown whole.
    """
    frames = traceback.extract_tb(trace)
    if not frames or not (isinstance(error, UserError) or _refused(error, trace)):
        _before(kind, error, trace)
        return
    where = f"{Path(frames[0].filename).name}, line {frames[0].lineno}"
    print(f"error: {where}: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)


def _refused(error: BaseException, trace: TracebackType | None) -> bool:
    """Whether one of our own checks refused a value, before the sweep ran."""
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    if not isinstance(error, ValueError) or RUNNING in [f.f_code.co_filename for f in frames]:
        return False
    return str(frames[-1].f_globals.get("__name__")).partition(".")[0] in OURS


def watch() -> None:
    """Show mistakes of scripts that import `gensweep.sweep` in this way."""
    sys.excepthook = show
