"""Reads a command's options, and refuses bad ones in one line."""

import argparse
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from gensweep.log import print_error

LONGEST = 500
"""Characters that are told of an error: what was typed may have a million."""
REQUIRED = "the following arguments are required: "
"""How argparse begins an error that it raises before it tells of options that it does not know."""


class OptionParser(argparse.ArgumentParser):
    """Parses options; of one that it does not know it names the nearest that it knows."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse `args`, None: those of the process."""
        self._given = [str(word) for word in (sys.argv[1:] if args is None else args)]
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the error in a line without the usage, which hides it, and exit with status 2."""
        if message.startswith(REQUIRED):
            message = self._unrecognized() or self._missing(message.removeprefix(REQUIRED))
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

    def _unrecognized(self) -> str:
        """Name mistyped options, which tell more than the argument that is missing beside them."""
        told = f"unrecognized arguments: {' '.join(self._unknown(self._given))}"
        return told if self._meant(told) else ""

    def _missing(self, names: str) -> str:
        """Say of the arguments that are missing what they are.

        >>> parser = OptionParser(prog="gensweep")
        >>> _ = parser.add_argument("name", metavar="NAME", help="the sweep's name")
        >>> parser._missing("NAME")
        "NAME is missing: the sweep's name"
        """
        missing = [a for a in self._actions if (a.metavar or a.dest) in names.split(", ")]
        told = [a.help or f"one of {', '.join(map(str, a.choices or ()))}" for a in missing]
        return f"{names} {'is' if len(missing) == 1 else 'are'} missing: {'; '.join(told)}"

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
        unknown = self._unknown(message.split())
        near = [one for word in unknown for one in get_close_matches(word, known, n=1)]
        return f"; do you mean {' '.join(near)}?" if near else ""

    def _unknown(self, words: Iterable[str]) -> list[str]:
        """Return the options among the `words` that are none of its own, nor begin one."""
        known = self._option_string_actions
        names = (word.partition("=")[0].rstrip(":") for word in words if word.startswith("--"))
        return [name for name in names if not any(one.startswith(name) for one in known)]
