"""Disturbs a sweep by faults of a seed, and checks what becomes of it.

A sweep of small trials runs on an object store, an MLflow, a PostgreSQL (where there is one) and a
Ray cluster of three nodes, all started here and stopped at the end. Meanwhile processes are killed
or stopped, and servers are away, slow or cut off, at times that the seed alone decides. Then seven
invariants are checked against the ledger, MLflow, the store, Ray, and the history that every
process kept. Progress goes to stderr; one report in JSON goes to stdout. The exit status is 1 if an
invariant is broken.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("platform", "models", "tests")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])  # of servers and nodes that are started

from faults.schedule import (  # noqa: E402
    ALL_KINDS,
    FEWEST_TRIALS,
    KINDS,
    SILENCE,
    TRIALS_A_MINUTE,
    outages,
    schedule,
    trials_for,
)

BEGUN = time.monotonic()


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    kinds = ", ".join(sorted(ALL_KINDS))
    add = options.add_argument
    add("--seed", type=int, default=0, help="of the schedule (default 0)")
    add("--minutes", type=float, default=3.0,
        help="in which faults come; the sweep then ends in peace (default 3)")  # fmt: skip
    add("--outage", type=float, metavar="SECONDS",
        help="instead of a schedule: store, tracker and database are away for so long, one after "
             "another; the report tells the pace before, between and after")  # fmt: skip
    add("--trials", type=int,
        help=f"of the sweep (default {TRIALS_A_MINUTE} a minute, at least {FEWEST_TRIALS})"
        )  # fmt: skip
    add("--kinds", nargs="+", choices=sorted(ALL_KINDS), default=KINDS, metavar="KIND",
        help=f"of faults: {kinds} (default: all but {SILENCE})")  # fmt: skip
    add("--keep", type=Path, metavar="FOLDER", help="leave logs and histories there")
    add("--plan", action="store_true", help="print the schedule, start nothing")
    return options


def main() -> int:
    """Run as the command line says."""
    args = parser().parse_args()
    faults, minutes = schedule(args.seed, args.minutes, args.kinds), args.minutes
    if args.outage:
        faults, minutes = outages(args.outage), 5 * args.outage / 60
    if args.plan:
        for fault in faults:
            print(f"{fault.at_s:6.1f} s  {fault.kind} for {fault.for_s:g} s")
        return 0
    from faults.mixed import as_text, run  # a second and more, which `--help` need not wait for

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped first
    report = run(args.seed, faults, args.trials or trials_for(minutes), _tell, args.keep)
    print(as_text(report))
    return 0 if report["holds"] else 1


def _tell(line: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.1f}] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
