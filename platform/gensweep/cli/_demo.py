"""`gensweep demo`: the main job in a small size, on a stack that it brings up."""

import argparse
import os
import runpy
import sys
from pathlib import Path
from typing import Any

SCRIPT = "gan_stability.py"
SMALL = ("--trials", "15", "--budget-images", "60000")
FOREIGN = ("GENSWEEP_LEDGER", "MLFLOW_TRACKING_URI", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
"""Variables that would send the sweep elsewhere than to the stack; those of stores too."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "demo", help="run the main job in a small size, also outside a checkout",
        description="Start object store, MLflow and Ray on 127.0.0.1 unless they run, and sweep "
        f"small GANs on handwritten digits there ({' '.join(SMALL)}: too short for most to "
        "converge). Prints the table, the report's path and the link to MLflow. All is kept in "
        ".gensweep of this folder. Options of the sweep, such as --trials 50 --budget-images "
        "300000, may follow: those are the whole job.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--store", choices=("swift", "files"),
                        help="where objects are kept (default: swift, or as before)")  # fmt: skip
    parser.set_defaults(run=run, takes_more=True)


def run(args: argparse.Namespace) -> int:
    from gensweep.home import find_home
    from gensweep.stack import up
    from gensweep.stack_env import STORES, apply_env

    script, home = find_script(), find_home()
    print(f"the stack comes up, in {home.path}", file=sys.stderr)
    up(home, store=args.store)
    for name in (*STORES, *FOREIGN):
        os.environ.pop(name, None)
    apply_env(home)
    sys.argv = [str(script), *SMALL, *args.more]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        print(f"running  object store, MLflow and Ray, in {home.project}: `gensweep down` there "
              "stops them", flush=True)  # fmt: skip
    return 0


def find_script() -> Path:
    """Return the main job's script: of the installed package, or of its checkout."""
    from gensweep.errors import UserError

    package = Path(__file__).parents[1]
    places = (package / "sweeps", package.parents[1] / "sweeps")
    for folder in places:
        if (folder / SCRIPT).is_file():
            return folder / SCRIPT
    raise UserError(f"this installation lacks {places[0] / SCRIPT}: install the wheel anew.")
