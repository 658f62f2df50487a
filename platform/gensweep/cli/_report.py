"""`gensweep report NAME`: the report of a sweep, made anew from the ledger."""

import argparse
import sys
from pathlib import Path
from typing import Any

from gensweep.json_text import json_text
from gensweep.printable import printable_lines

FORMATS = ("html", "md", "json")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "report", help="the report of a sweep, running or ended",
        description="Make the report of a sweep anew from the ledger, whether it runs or has "
        "ended: as the HTML page that a sweep writes at its end, or with all that it states but "
        "for pictures as JSON, or as Markdown to paste elsewhere, which has the first 100 rows of "
        "long tables. Pictures come from the store, where GENSWEEP_STORE points to it.",
        epilog="gensweep report NAME > now.html; gensweep report NAME --format md --out now.md; "
        "gensweep report NAME --over learning_rate,batch_size > map.html",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--format", choices=FORMATS,
                      help="default: by the ending of --out, or else html")  # fmt: skip
    kind.add_argument("--json", dest="format", action="store_const", const="json",
                      help="as --format json")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where to (default: to stdout)")  # fmt: skip
    parser.add_argument("--over", metavar="A[,B]",
                        help="one or two searched hyperparameters that the stability map runs "
                        "over (default: the sweep's)")  # fmt: skip
    parser.add_argument("--group-by", metavar="X", default="",
                        help="searched hyperparameter that groups the trials; none: all are one "
                        "group (default: the sweep's)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.results import read_here, refuse_damaged, report_anew

    ending = args.out.suffix.removeprefix(".") if args.out else ""
    kind = args.format or (ending if ending in FORMATS else "html")
    snapshot = read_here(args.name)
    over = [name.strip() for name in args.over.split(",")] if args.over is not None else []
    with refuse_damaged(args.name):
        report = report_anew(snapshot, over, args.group_by)
        if kind == "json":
            text = json_text(report.as_json()) + "\n"
        else:
            text = report.markdown() if kind == "md" else report.html()
    if args.out is None:
        sys.stdout.write(printable_lines(text))
        return 0
    try:
        args.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {args.out} cannot be written ({error.strerror}): choose another "
                        "place.") from error  # fmt: skip
    print(args.out)
    return 0
