"""Reads a command's options, and refuses bad ones in one line."""

import argparse
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

from gensweep.log import print_error

LONGEST = 500
"""Characters that are told of an error: what was typed may have a million."""


class OptionParser(argparse.ArgumentParser):
    """Parses options; of one that it does not know it names the nearest that it knows."""

    def error(self, message: str) -> NoReturn:
        """Print the error in a line without the usage, which hides it, and exit with status 2."""
        told = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        print_error(f"{told}{self._meant(message)}; see {self.prog} --help")
        sys.exit(2)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a command or a choice that there is not; only the nearest is named, if one is.

        >>> parser = OptionParser(prog="gensweep")
        >>> action = parser.add_argument("command", choices=("results", "report"))
        >>> parser._check_value(action, "resutls")
        Traceback (most recent call last):
        argparse.ArgumentError: argument command: invalid choice: 'resutls'; do you mean results?
        """
        known = [str(choice) for choice in action.choices or ()]
        near = get_close_matches(str(value), known, n=1)
        if near and near[0] != str(value):
            raise argparse.ArgumentError(
                action, f"invalid choice: {value!r}; do you mean {near[0]}?"
            )
        super()._check_value(action, value)

    def _meant(self, message: str) -> str:
        """Name the options that are nearest to those in the message which are none of its own.

        >>> parser = OptionParser(prog="sweep")
        >>> _ = parser.add_argument("--trials")
        >>> parser._meant("unrecognized arguments: --trails 3")
        '; do you mean --trials?'
        >>> parser._meant("argument --trials: expected one argument")
        ''
        """
        known = self._option_string_actions
        words = (word.partition("=")[0].rstrip(":") for word in message.split())
        unknown = [word for word in words if word.startswith("--") and word not in known]
        near = [one for word in unknown for one in get_close_matches(word, known, n=1)]
        return f"; do you mean {' '.join(near)}?" if near else ""
