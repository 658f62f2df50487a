"""gensweep up."""

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "up", help="start object store, MLflow and Ray for this checkout"
    )
    parser.add_argument("--store", choices=("swift", "files"), help="default: swift, or as before")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.stack import NO_ADDRESS, status, up

    up(store=args.store)
    for name, service in status()["services"].items():
        print(f"{name:16} {service['address'] or NO_ADDRESS}")
    return 0
