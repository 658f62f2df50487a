"""Reads a command's help from its parser, as text that a page can show."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionText:
    """An option or an argument of a command."""

    usage: str
    """As it is typed, with what follows it."""
    help: str
    flags: tuple[str, ...] = ()
    """By which it is recognised; empty for an argument."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandText:
    """A command with what can follow it."""

    name: str
    about: str
    options: tuple[OptionText, ...]


def command_text(name: str, about: str, parser: argparse.ArgumentParser) -> CommandText:
    """Describe a command; `about` is said where its parser has no description.

    >>> parser = argparse.ArgumentParser(add_help=False)
    >>> _ = parser.add_argument("--out", metavar="FILE", help="where to (default %(default)s)")
    >>> command_text("draw", "draws", parser).options[0].help
    'where to (default None)'
    """
    options = tuple(_options(parser))
    return CommandText(name=name, about=parser.description or about, options=options)


def _options(parser: argparse.ArgumentParser) -> Iterator[OptionText]:
    formatter = parser._get_formatter()
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction):
            yield OptionText(usage=_usage(action), help=formatter._expand_help(action),
                             flags=tuple(action.option_strings))  # fmt: skip


def _usage(action: argparse.Action) -> str:
    """Write an option as it is typed."""
    if not action.option_strings:
        return str(action.metavar or action.dest).upper()
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    choices = "|".join(map(str, action.choices or ()))
    return f"{', '.join(action.option_strings)} {action.metavar or choices or action.dest.upper()}"
