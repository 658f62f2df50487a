"""gensweep down."""

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    subparsers.add_parser("down", help="stop what up started").set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.stack import down

    print(f"stopped {len(down())} processes")
    return 0
