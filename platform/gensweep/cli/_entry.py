"""Entry point of the program, which is ready for Ctrl-C before the commands are imported."""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command: the status of `run_command`, or 130 where Ctrl-C ended it."""
    try:
        from gensweep.cli._main import run_command

        return run_command(argv)
    except KeyboardInterrupt:
        return 130
