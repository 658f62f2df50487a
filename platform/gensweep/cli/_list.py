"""`gensweep list`: the sweeps of this checkout, newest last."""

import argparse
import time
from typing import Any

from gensweep.json_text import json_text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("list", help="the sweeps, newest last")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--names", action="store_true", help="their names alone, one a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.report import output_width, text_table
    from gensweep.sweep import sweeps_here

    found = sweeps_here()
    if args.names:
        print("\n".join(sweep["name"] for sweep in found))
        return 0
    if args.json:
        print(json_text(found))
        return 0
    if not found:
        print("no sweep yet: `make sweep` runs one.")
        return 0
    rows = [[s["name"], s["model"], s["data"], s["trials"], _states(s),
             time.strftime("%Y-%m-%d %H:%M", time.localtime(s["created"]))]
            for s in found]  # fmt: skip
    print(text_table(["name", "model", "data", "trials", "states", "begun"], rows, output_width()))
    return 0


def _states(sweep: dict[str, Any]) -> str:
    """Count all trials by state, also those that the ledger does not have yet."""
    from gensweep.report import state_label

    counts = {state_label(state): count for state, count in sweep["states"].items()}
    if left := sweep["trials"] - sum(counts.values()):
        counts["not begun"] = left
    return ", ".join(f"{count} {state}" for state, count in counts.items())
