"""The command line that every sweep script has."""

import argparse
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

from gensweep.errors import UserError
from gensweep.sweep._sweep import PRUNERS, SAMPLERS, Sweep

EPILOG = """examples:
  python %(prog)s --dry-run                 check everything, print the plan, start nothing
  python %(prog)s --data mnist --trials 64  real MNIST (put it in $GENSWEEP_DATA/mnist)
  python %(prog)s --resume NAME             go on after a crash, a Ctrl-C or --max-hours
  python %(prog)s --resume NAME --trials 128   extend a finished sweep

A resumed sweep keeps the data, budget, seed, repeats, sampler, pruner and samples it began with.
"""
PRESETS: dict[str, dict[str, Any]] = {
    "laptop": {"width": 16, "packs": 2},
    "cluster": {"width": 64, "packs": None},
}
"""Two cores, and a GPU cluster (None: as many packs as the GPUs allow)."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked of a sweep script."""

    sweep: Sweep
    resume: bool = False
    dry_run: bool = False
    gpus: int = 0
    packs: int = 1
    ranks: int = 1
    script: str = "sweeps/gan_stability.py"
    """How the script was called, for the line to type next."""

    @property
    def threads(self) -> int:
        """Of one rank."""
        return 1 if self.gpus else max(1, (os.cpu_count() or 1) // (self.packs * self.ranks))


def parser(description: str, sweep: Sweep) -> argparse.ArgumentParser:
    """The options, with the script's own sweep as defaults."""
    p = argparse.ArgumentParser(
        description=description, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--data", metavar="SET",
                   help="digits, ring8, grid25, mnist, fashion_mnist, cifar10, NAME=PATH, a folder "
                        f"of images or Parquet, or s3://... (default {sweep.data})")  # fmt: skip
    p.add_argument("--trials", type=int, help=f"configurations x seeds (default {sweep.trials})")
    p.add_argument("--budget-images", type=int, metavar="N",
                   help=f"examples a trial sees (default {sweep.budget_images:,})")  # fmt: skip
    p.add_argument("--seed", type=int, help="of the whole sweep (default 0)")
    p.add_argument("--repeats", type=int, help="seeds for each configuration (default 1)")
    p.add_argument("--sampler", choices=SAMPLERS, help=f"default {sweep.sampler}")
    p.add_argument("--pruner", choices=PRUNERS,
                   help=f"stops poor trials early (default {sweep.pruner})")  # fmt: skip
    p.add_argument("--samples", type=int, help="samples drawn to evaluate a trial")
    p.add_argument("--max-hours", type=float, metavar="H", help="stop in time; --resume goes on")
    p.add_argument("--name", help="of a new sweep (default: the script's and the time)")
    p.add_argument("--resume", metavar="NAME", help="go on with that sweep, or extend it")
    p.add_argument("--dry-run", action="store_true", help="check everything and print the plan")
    room = p.add_argument_group("where it trains")
    room.add_argument("--preset", choices=PRESETS, default="laptop",
                      help="two cores (default) or a GPU cluster")  # fmt: skip
    room.add_argument("--gpus", type=int, default=0, help="GPUs to use; 0 trains on CPUs (default)")
    room.add_argument("--packs", type=int, help="packs that train side by side")
    room.add_argument("--width", type=int, help="trials trained together in one pack")
    room.add_argument("--ranks", type=int, default=1,
                      help="workers that share each batch of a pack (default 1)")  # fmt: skip
    return p


def request(description: str, sweep: Sweep, argv: list[str] | None = None) -> Request:
    """The sweep as the command line changes it; `UserError` names a wrong value."""
    from gensweep.sweep._resume import remembered

    args = parser(description, sweep).parse_args(argv)
    _check(args)
    if args.resume:
        sweep = remembered(checked_name(args.resume), sweep)
    else:
        sweep = replace(sweep, name=checked_name(args.name or _fresh_name(sweep.name)))
    preset = PRESETS[args.preset]
    given = ("data", "trials", "budget_images", "seed", "repeats", "sampler", "pruner",
             "samples", "max_hours")  # fmt: skip
    changes = {name: getattr(args, name) for name in given if getattr(args, name) is not None}
    width = args.width if args.width is not None else preset["width"]
    packs = args.packs or preset["packs"] or max(1, args.gpus // args.ranks)
    if preset["packs"] and not args.packs and args.ranks > 1:
        packs = 1  # the ranks take the place of the second pack
    changed = replace(sweep, **changes, width=width).shared(packs)
    return Request(sweep=changed, resume=bool(args.resume),
                   dry_run=args.dry_run, gpus=args.gpus, packs=packs, ranks=args.ranks,
                   script=sys.argv[0])  # fmt: skip


def _check(args: argparse.Namespace) -> None:
    for name, low in (("gpus", 0), ("packs", 1), ("ranks", 1)):
        value = getattr(args, name)
        if value is not None and value < low:
            raise UserError(f"`{name} >= {low}` must hold, but got {name}={value}.")
    if args.resume and args.name:
        raise UserError(f"--resume {args.resume} names the sweep already: leave --name out.")


def checked_name(name: str) -> str:
    """A name that is also a path component, an S3 key and an MLflow name."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isascii() or not plain.isalnum() or len(name) > 80 or name.startswith("."):
        raise UserError(
            f"the sweep name {name!r} will not do: use up to 80 letters, digits, '-', '_', '.'."
        )
    return name


def _fresh_name(base: str) -> str:
    return f"{base}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid() % 1000:03d}"
