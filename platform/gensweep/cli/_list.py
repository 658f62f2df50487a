"""`gensweep list`: the sweeps of this checkout, newest last."""

import argparse
import time
from typing import Any

from gensweep.json_text import json_text
from gensweep.printable import printable
from gensweep.redact import redact


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("list", help="the sweeps, newest last")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--names", action="store_true", help="their names alone, one a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.report import output_width, text_table
    from gensweep.results import ledger_here, sweeps_here

    found = sweeps_here()
    if args.names:
        print("\n".join(printable(sweep["name"]) for sweep in found))
        return 0
    if args.json:
        print(json_text(found))
        return 0
    if not found:
        print(f"no sweep yet in {redact(ledger_here())}: `make sweep` runs one.")
        return 0
    head = ["name", "model", "data", "trials", "states", "begun"]
    print(text_table(head, [_row(sweep) for sweep in found], output_width()))
    return 0


def _row(sweep: dict[str, Any]) -> list[object]:
    from gensweep.results import refuse_damaged

    with refuse_damaged(sweep["name"]):
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(sweep["created"]))
    told = [sweep[key] for key in ("name", "model", "data", "trials")]
    return [*told, _states(sweep), begun]


def _states(sweep: dict[str, Any]) -> str:
    """Count all trials by state, also those that the ledger does not have yet."""
    from gensweep.report import state_label

    counts = {state_label(state): count for state, count in sweep["states"].items()}
    if left := sweep["trials"] - sum(counts.values()):
        counts["not begun"] = left
    return ", ".join(f"{count} {state}" for state, count in counts.items())
