"""`gensweep results NAME`: every ranked trial of a sweep, or as JSON every one."""

import argparse
from typing import Any

from gensweep.json_text import json_text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("results", help="the ranked trials of a sweep, the best first")
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--json", action="store_true", help="every trial, ranked or not, as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.objective import Objective
    from gensweep.results import refuse_damaged, results_of, results_table

    with refuse_damaged(args.name):
        found = results_of(args.name)
        if args.json:
            text = json_text(found)
        else:
            objective = Objective(metric=found["metric"], direction=found["direction"])
            text = results_table(found["trials"], found["by"], objective, rows=None,
                                 map_axis=found["over"], floor=found["floor"],
                                 more="--json has every trial")  # fmt: skip
    print(text)
    return 0
