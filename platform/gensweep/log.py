"""The one logger: what happens goes to stderr, with the sweep's name; answers go to stdout.

Modules log by `_log = logging.getLogger(__name__)`, with arguments in the style of %. Nothing is
set up on import: the process that runs a sweep's script, the coordinator's and each worker call
`configure_logging` once.
"""

import logging
import sys

from gensweep.printable import printable
from gensweep.redact import redact

ROOT = "gensweep"
LEVELS = {-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}
"""By the count of `-v` less that of `-q`."""


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # of whatever stderr is
    """Writes to the `sys.stderr` of the moment, which tests and Ray replace."""

    def __init__(self, prefix: str):
        super().__init__()
        self._prefix = prefix

    def format(self, record: logging.LogRecord) -> str:
        """Begin every line with the prefix, and hide the environment's secrets."""
        lines = redact(super().format(record)).splitlines() or [""]
        return "\n".join(f"{self._prefix}{printable(line)}" for line in lines)

    @property
    def stream(self) -> object:
        return sys.stderr

    @stream.setter
    def stream(self, stream: object) -> None:
        """Ignored: see the class."""


def print_error(message: str) -> None:
    """Write `error: ` and the message to stderr, in one line without secrets.

    By it every process says why it ends: also before the logger is set up, and without the name
    that the logger puts before its lines.
    """
    line = redact(f"error: {' '.join(message.split())}")
    print(printable(line), file=sys.stderr)


def configure_logging(sweep: str = "", verbosity: int = 0) -> None:
    """Send the platform's messages to stderr, each after the `sweep`'s name.

    `verbosity` is -1 for warnings and errors only, 0 for progress too, 1 for details. Called
    again, it replaces what it set up before.
    """
    logger = logging.getLogger(ROOT)
    for handler in [h for h in logger.handlers if isinstance(h, _StderrHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(_StderrHandler(f"{sweep}: " if sweep else ""))
    logger.setLevel(LEVELS[max(-1, min(1, verbosity))])
    logger.propagate = False
