"""Entry point. Heavy packages are imported inside the commands, so that --help is quick."""

import argparse
import os
import sys
from collections.abc import Sequence

from gensweep.cli import (
    _best,
    _check,
    _compare,
    _delete,
    _doctor,
    _down,
    _export,
    _features,
    _list,
    _models,
    _report,
    _results,
    _sample,
    _status,
    _up,
    _watch,
)
from gensweep.errors import UserError
from gensweep.log import print_error

COMMANDS = (
    _up, _status, _down, _doctor,
    _list, _watch, _results, _best, _report, _compare,
    _export, _sample, _delete,
    _models, _features, _check,
)  # fmt: skip
"""In the order of `--help`: the stack, what sweeps found, what becomes of it, and models."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command: 0 done, 1 something is wrong, 2 bad input, 130 interrupted, 141 cut short.

    The last is the status of a program whose reader, `head` for instance, has enough.
    """
    parser = argparse.ArgumentParser(prog="gensweep", description="Sweeps of generative models.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    try:
        status = int(args.run(args))
        sys.stdout.flush()  # so that a reader that left is noticed here
        return status
    except UserError as error:
        print_error(str(error))
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return 141
    except KeyboardInterrupt:
        return 130
