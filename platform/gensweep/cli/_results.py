"""`gensweep results NAME`: the ranked trials of a sweep, or every one, as a table or as JSON."""

import argparse
from typing import Any

from gensweep.json_text import json_text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("results", help="the ranked trials of a sweep, the best first")
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    every = parser.add_mutually_exclusive_group()
    every.add_argument("--all", action="store_true",
                       help="every trial, ranked or not, and the cause of its end")  # fmt: skip
    every.add_argument("--json", action="store_true", help="all that is known of each, as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.objective import Objective
    from gensweep.results import every_trial_table, refuse_damaged, results_of, results_table

    with refuse_damaged(args.name):
        found = results_of(args.name)
        objective = Objective(metric=found["metric"], direction=found["direction"])
        if args.json:
            text = json_text(found)
        elif args.all:
            text = every_trial_table(found["trials"], objective, found["floor"])
        else:
            text = results_table(found["trials"], found["by"], objective, rows=None,
                                 map_axis=found["over"], floor=found["floor"],
                                 more="--all shows every trial")  # fmt: skip
    print(text)
    return 0
