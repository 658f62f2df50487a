"""`gensweep completion SHELL`: a script that completes commands, options and sweeps' names."""

import argparse
from collections.abc import Iterator
from typing import Any

SWEEPS = ("name", "a", "b")
"""Positional arguments that are the name of a sweep."""
ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
"""So that zsh reads what is written for bash."""
SCRIPT = """\
_gensweep() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$cur"))
        return
    fi
    case "${{COMP_WORDS[1]}} $prev" in
{values}
    esac
    case "${{COMP_WORDS[1]}} $cur" in
{options}
{names}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _gensweep gensweep
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "completion", help="complete commands and names in a shell",
        description="Write a script by which a shell completes commands, their options, and the "
        "names of sweeps, which it asks the ledger for.",
        epilog='eval "$(gensweep completion bash)" in ~/.bashrc, or of zsh in ~/.zshrc',
    )  # fmt: skip
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh"), help="bash or zsh")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    commands = _commands(args.parser)
    script = SCRIPT.format(
        commands=" ".join(commands),
        values="\n".join(_indented(_values(commands))),
        options="\n".join(_indented(_options(commands))),
        names="\n".join(_indented(_names(commands))),
    )
    print((ZSH if args.shell == "zsh" else "") + script, end="")
    return 0


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of the whole parser, by name."""
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(commands.choices)


def _values(commands: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    """Yield what may follow an option: its choices; a file, or nothing that could be told."""
    for name, parser in commands.items():
        for action in parser._actions:
            if action.nargs == 0 or not action.option_strings:
                continue
            pattern = "|".join(f'"{name} {option}"' for option in action.option_strings)
            choices = " ".join(map(str, action.choices or ()))
            yield f'{pattern}) COMPREPLY=($(compgen -W "{choices}" -- "$cur")); return ;;'


def _options(commands: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    """Yield the options of each command, for a word that begins with a dash."""
    for name, parser in commands.items():
        options = " ".join(o for action in parser._actions for o in action.option_strings)
        yield f'"{name} -"*) words="{options}" ;;'


def _names(commands: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    """Yield what other words may be: sweeps, or the choices of the command's own argument."""
    for name, parser in commands.items():
        for action in parser._actions:
            if action.option_strings or action.nargs == argparse.PARSER:
                continue
            if action.dest in SWEEPS:
                yield f'"{name} "*) words="$(gensweep list --names 2>/dev/null)" ;;'
                break
            if action.choices:
                yield f'"{name} "*) words="{" ".join(map(str, action.choices))}" ;;'
                break


def _indented(lines: Iterator[str]) -> list[str]:
    return [f"        {line}" for line in lines]
