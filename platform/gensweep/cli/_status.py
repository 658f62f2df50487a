"""gensweep status."""

import argparse
from typing import Any

from gensweep.json_text import json_text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("status", help="what runs, where, and where its logs are")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.stack import NO_ADDRESS, status

    found = status()
    if args.json:
        print(json_text(found))
    elif not found["services"]:
        print(f"nothing runs in {found['home']}: `gensweep up` starts a stack.")
    else:
        for name, service in found["services"].items():
            word = "up" if service["healthy"] else "DOWN"
            print(f"{name:16} {word:5} {service['address'] or NO_ADDRESS:24} {service['log']}")
        print(f"credentials: {found['credentials']['env']}, {found['credentials']['ray_token']}")
        if not found["healthy"]:
            print("`gensweep up` starts what is down.")
    return 0 if found["healthy"] else 1
