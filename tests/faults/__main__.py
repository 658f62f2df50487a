"""Disturbs a sweep by faults of a seed, and checks what becomes of it.

A sweep of small trials runs on an object store, an MLflow, a PostgreSQL (where there is one) and a
Ray cluster of three nodes, all started here and stopped at the end. Meanwhile processes are killed
or stopped, and servers are away, slow or cut off, at times that the seed alone decides. Then seven
invariants are checked against the ledger, MLflow, the store, Ray, and the history that every
process kept. Progress goes to stderr; a report in JSON goes to stdout, one line for each of several
seeds. The exit status is 1 if an invariant is broken.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("platform", "models", "tests")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])  # of servers and nodes that are started

from faults.cases import CASES, as_table, find_case  # noqa: E402
from faults.schedule import (  # noqa: E402
    ALL_KINDS,
    FEWEST_TRIALS,
    KILLS,
    KINDS,
    LONG_S,
    TRIALS_A_MINUTE,
    Fault,
    outages,
    schedule,
    schedule_kills,
    trials_for,
)

BEGUN = time.monotonic()


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    kinds, apart = ", ".join(sorted(ALL_KINDS)), ", ".join(LONG_S)
    add = options.add_argument
    add("--seed", type=int, default=0, help="of the schedule (default 0)")
    add("--seeds", type=int, default=1, metavar="N",
        help="one run after the other, of this seed and those that follow it (default 1)"
        )  # fmt: skip
    add("--minutes", type=float, default=3.0,
        help="in which faults come; the sweep then ends in peace (default 3)")  # fmt: skip
    add("--outage", type=float, metavar="SECONDS",
        help="instead of a schedule: store, tracker and database are away for so long, one after "
             "another; the report tells the pace before, between and after")  # fmt: skip
    add("--kills", type=int, metavar="N",
        help=f"so many faults, in the place of --minutes; of {', '.join(KILLS)}, unless --kinds "
        "says otherwise")  # fmt: skip
    add("--trials", type=int,
        help=f"of the sweep (default {TRIALS_A_MINUTE} a minute, at least {FEWEST_TRIALS})"
        )  # fmt: skip
    add("--kinds", nargs="+", choices=sorted(ALL_KINDS), metavar="KIND",
        help=f"of faults: {kinds} (default: all but {apart})")  # fmt: skip
    add("--rpc-failures", type=int, default=0, metavar="PERCENT",
        help="of Ray's calls that fail before they arrive; as many fail after (default 0)"
        )  # fmt: skip
    add("--keep", type=Path, metavar="FOLDER", help="leave logs and histories there")
    add("--plan", action="store_true", help="print the schedule, start nothing")
    add("--list", action="store_true", help="print the 28 faults that have cases of their own")
    add("--case", choices=[case.name for case in CASES], metavar="NAME",
        help="run the tests of one of them")  # fmt: skip
    return options


def main() -> int:
    """Run as the command line says."""
    args = parser().parse_args()
    if args.list:
        print(as_table())
        return 0
    if args.case:
        return _run_case(args.case)
    if args.plan:
        for fault in _faults(args, args.seed):
            print(f"{fault.at_s:6.1f} s  {fault.kind} for {fault.for_s:g} s")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped first
    return max([_run(args, seed) for seed in range(args.seed, args.seed + args.seeds)])


def _faults(args: argparse.Namespace, seed: int) -> list[Fault]:
    if args.outage is not None:
        return outages(args.outage)
    if args.kills is not None:
        return schedule_kills(seed, args.kills, args.kinds or KILLS)
    return schedule(seed, args.minutes, args.kinds or KINDS)


def _run(args: argparse.Namespace, seed: int) -> int:
    """Run one seed and print its report; 1 if it broke an invariant."""
    from faults.mixed import run  # a second and more, which `--help` need not wait for

    minutes = args.minutes if args.outage is None else 5 * args.outage / 60
    trials = args.trials or trials_for(minutes)
    report = run(seed, _faults(args, seed), trials, _tell, args.keep, args.rpc_failures)
    print(json.dumps(report, indent=1 if args.seeds == 1 else None), flush=True)
    return 0 if report["holds"] else 1


def _run_case(name: str) -> int:
    """Run the tests of a case, the nightly ones too."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *find_case(name).tests]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


def _tell(line: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.1f}] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
