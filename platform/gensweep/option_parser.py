"""Reads a command's options, and refuses bad ones in one line."""

import argparse
from difflib import get_close_matches
from typing import NoReturn


class OptionParser(argparse.ArgumentParser):
    """Parses options; of one that it does not know it names the nearest that it knows."""

    def error(self, message: str) -> NoReturn:
        """Print the error in a line without the usage, which hides it, and exit with status 2."""
        self.exit(2, f"error: {message}{self._meant(message)}; see {self.prog} --help\n")

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
