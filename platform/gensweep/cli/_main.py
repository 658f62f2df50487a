"""The commands. Heavy packages are imported inside them, so that --help is quick."""

import argparse
import os
import select
import sys
from collections.abc import Sequence

from gensweep.cli import (
    _best,
    _check,
    _compare,
    _completion,
    _delete,
    _demo,
    _doctor,
    _down,
    _export,
    _features,
    _list,
    _models,
    _report,
    _results,
    _retrain,
    _sample,
    _status,
    _up,
    _watch,
)
from gensweep.errors import UserError
from gensweep.log import print_error
from gensweep.option_parser import OptionParser
from gensweep.versions import VERSION

COMMANDS = (
    _demo, _up, _status, _down, _doctor,
    _list, _watch, _results, _best, _report, _compare,
    _sample, _export, _retrain, _delete,
    _models, _features, _check,
    _completion,
)  # fmt: skip
"""In the order of `--help`: the stack, what sweeps found, what becomes of it, and models."""


def run_command(argv: Sequence[str] | None = None) -> int:
    """Run a command: 0 done, 1 something is wrong, 2 bad input, 141 cut short.

    The last is the status of a program whose reader, `head` for instance, has enough. Ctrl-C is
    `KeyboardInterrupt`, whatever was made of it on its way.
    """
    try:
        return _run(argv)
    except UserError as error:
        _raise_interrupt(error)
        print_error(str(error))
        return 2
    except BrokenPipeError:
        if not _reader_left():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return 141


def _raise_interrupt(error: BaseException) -> None:
    """Raise the `KeyboardInterrupt` that an error comes from, if it does."""
    # Python 3.11 makes a RuntimeError of one that meets a class in the making.
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, KeyboardInterrupt):
        raise error


def _run(argv: Sequence[str] | None) -> int:
    """Run a command, or print its help, to the last byte: a reader that left is noticed here."""
    try:
        args = _parse(argv)
        return int(args.run(args))
    finally:
        sys.stdout.flush()


def _reader_left() -> bool:
    """Return whether it is stdout's pipe that broke, and not that of a socket or a process."""
    waiting = select.poll()
    try:
        waiting.register(sys.stdout, select.POLLOUT)
    except (OSError, ValueError):  # a stdout that is no file
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in waiting.poll(0))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OptionParser(prog="gensweep", description="Sweeps of generative models.")
    parser.add_argument("--version", action="version", version=f"gensweep {VERSION}",
                        help="print the version")  # fmt: skip
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    for one in subparsers.choices.values():
        one.set_defaults(own_parser=one)
    args: argparse.Namespace
    args, more = parser.parse_known_args(argv)
    if more and not getattr(args, "takes_more", False):
        args.own_parser.error(f"unrecognized arguments: {' '.join(more)}")
    args.more, args.parser = more, parser
    return args
