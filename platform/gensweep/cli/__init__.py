"""The command line: one module for each command, each with `add_parser(subparsers)`."""

from gensweep.cli._main import main

__all__ = ["main"]
