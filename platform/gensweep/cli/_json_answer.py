"""The `--json` of commands that do something: one object on stdout, and their words on stderr."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any

from gensweep.json_text import json_text


def add_json(parser: ArgumentParser, tells: str) -> None:
    """Let a command be asked for JSON, which `tells` something."""
    parser.add_argument("--json", action="store_true", help=f"as JSON: {tells}")


def words_aside(args: Namespace) -> AbstractContextManager[object]:
    """Send what is printed meanwhile to stderr, where JSON is asked for."""
    return redirect_stdout(sys.stderr) if args.json else nullcontext()


def print_answer(args: Namespace, told: dict[str, Any], words: str) -> None:
    """Print `told` as JSON, where that is asked for, and else the words."""
    print(json_text(told) if args.json else words)
