"""gensweep doctor."""

import argparse
import dataclasses
from typing import Any

from gensweep.json_text import json_text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("doctor", help="what is missing or misconfigured")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.stack import doctor

    checks = doctor()
    if args.json:
        print(json_text([dataclasses.asdict(check) for check in checks]))
    else:
        for c in checks:
            print(f"{'ok ' if c.ok else 'BAD'} {c.check}: {c.detail}")
            if c.cure:
                print(f"    {c.cure}")
    return 0 if all(check.ok for check in checks) else 1
