"""Entry point. Heavy packages are imported inside the commands, so that --help is quick."""

import argparse
from collections.abc import Sequence

from gensweep.cli import _check, _doctor, _down, _list, _models, _results, _sample, _status, _up
from gensweep.errors import UserError
from gensweep.log import print_error

COMMANDS = (_up, _status, _down, _doctor, _list, _results, _sample, _models, _check)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command: 0 done, 1 something is wrong, 2 bad input, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="gensweep", description="Sweeps of generative models.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except UserError as error:
        print_error(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
