"""The command line: one module for each command, each with `add_parser(subparsers)`.

Runs in: processes of its own: the commands of `gensweep`.
"""

from gensweep.cli._entry import main

__all__ = ["main"]
