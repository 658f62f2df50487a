"""`gensweep models`: the catalogue."""

import argparse
import json
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("models", help="the models that can be swept")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.report import output_width, text_table
    from gensweep.sweep import catalog, describe

    models = [describe(model) for model in catalog().values()]
    if args.json:
        print(json.dumps(models, indent=1))
        return 0
    rows = [[m["name"], m["family"], m["paper"], ", ".join(m["capabilities"]) or "-",
             ", ".join(m["searched"])] for m in models]  # fmt: skip
    print(text_table(["name", "family", "paper", "capabilities", "searched"], rows, output_width()))
    return 0
