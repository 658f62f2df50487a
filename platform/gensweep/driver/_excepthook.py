"""Shows a mistake in a script's sweep as one line, in place of a traceback through the library."""

import sys
import traceback
from pathlib import Path
from types import TracebackType

from gensweep.errors import UserError

MAIN = str(Path(__file__).with_name("_main.py"))
PACKAGES = ("gensweep", "gensweep_models")


def show_mistake(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """End the script with status 2 for a value that cannot be; an `excepthook`.

    That is any `UserError`, and a `ValueError` that our code raises while the script still
    defines its sweep. Any other one is a bug, of the script or ours, and is shown whole.
    """
    frames = traceback.extract_tb(trace)
    if not frames or not (isinstance(error, UserError) or _is_refused(error, trace)):
        sys.__excepthook__(kind, error, trace)
        return
    where = f"{Path(frames[0].filename).name}, line {frames[0].lineno}"
    print(f"error: {where}: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)


def _is_refused(error: BaseException, trace: TracebackType | None) -> bool:
    """Whether one of our own checks refused a value, before the sweep ran."""
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    if not isinstance(error, ValueError) or MAIN in [f.f_code.co_filename for f in frames]:
        return False
    return str(frames[-1].f_globals.get("__name__")).partition(".")[0] in PACKAGES


def install_excepthook() -> None:
    """Show mistakes of the running script in this way, unless it has a hook of its own."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = show_mistake
