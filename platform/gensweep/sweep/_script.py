"""A mistake in a script's sweep as one line, instead of a traceback through the library."""

import sys
import traceback
from pathlib import Path
from types import TracebackType

from gensweep.errors import UserError

RUNNING = str(Path(__file__).with_name("_run.py"))
_before = sys.excepthook


def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An `excepthook`: a value that cannot be ends the script with status 2.

    That is any `UserError`, and a `ValueError` raised while the script still defines its sweep;
    once it runs, a `ValueError` is a bug and is shown whole.
    """
    frames = traceback.extract_tb(trace)
    defining = isinstance(error, ValueError) and RUNNING not in [f.filename for f in frames]
    if not frames or not (defining or isinstance(error, UserError)):
        _before(kind, error, trace)
        return
    where = f"{Path(frames[0].filename).name}, line {frames[0].lineno}"
    print(f"error: {where}: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)


def watch() -> None:
    """Show mistakes of scripts that import `gensweep.sweep` in this way."""
    sys.excepthook = show
