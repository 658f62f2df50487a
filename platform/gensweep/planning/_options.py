"""The command line that every sweep script has."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

from gensweep.errors import UserError
from gensweep.lanes import PRECISIONS, precision_of
from gensweep.pruners import PRUNERS, Pruner
from gensweep.samplers import SAMPLERS, Sampler
from gensweep.spec import RunRequest, Sweep, check_lanes

EPILOG = """examples:
  python %(prog)s --dry-run                 check everything, print the plan, start nothing
  python %(prog)s --data mnist --trials 64  real MNIST (put it in $GENSWEEP_DATA/mnist)
  python %(prog)s --data ./photos --image-size 32   a folder with a folder for each class
  python %(prog)s --data ./table.parquet --column picture --label kind --image-size 28
  python %(prog)s --data mnist --download https://HOST/mnist   fetch it first
  python %(prog)s --resume NAME             go on after a crash, a Ctrl-C or --max-hours
  python %(prog)s --resume NAME --trials 128   extend a finished sweep

A resumed sweep keeps the data, budget, seed, repeats, sampler, pruner, pbt, precision and samples
that it began with.
"""
PRESETS = ("laptop", "cluster")
"""A few cores, or a cluster, all of whose GPUs are used."""
LAPTOP_PACKS = 2
"""One trains while the other is evaluated or waits; each has its share of the cores."""
ROOM = {"preset": "laptop", "gpus": None, "packs": None, "width": None, "ranks": 1}
"""Options that say where a sweep trains, which a resumed one must be told again."""
GIVEN = ("data", "image_size", "column", "label", "trials", "budget_images", "seed", "repeats",
         "sampler", "pruner", "pbt", "precision", "samples", "max_hours", "max_images", "max_cost",
         "hourly_price")  # fmt: skip
"""Options that are fields of a sweep."""


def parser(description: str, sweep: Sweep) -> argparse.ArgumentParser:
    """The options, with the script's own sweep as defaults."""
    p = argparse.ArgumentParser(
        prog=sys.argv[0],
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("--trials", type=int, help=f"configurations x seeds (default {sweep.trials})")
    p.add_argument("--budget-images", type=int, metavar="N",
                   help=f"examples a trial sees (default {sweep.budget_images:,})")  # fmt: skip
    p.add_argument("--seed", type=int, help="of the whole sweep (default 0)")
    p.add_argument("--repeats", type=int, help="seeds for each configuration (default 1)")
    p.add_argument(
        "--sampler",
        choices=SAMPLERS,
        help=f"of new trials: {_summaries(SAMPLERS)} (default {sweep.sampler})",
    )
    p.add_argument(
        "--pruner",
        choices=PRUNERS,
        help=f"of poor trials: {_summaries(PRUNERS)} (default {sweep.pruner})",
    )
    p.add_argument("--pbt", action="store_true", default=None,
                   help="population-based training: at each evaluation the poorest quarter of "
                        "trials goes on from the weights of the best, with changed "
                        "hyperparameters; without --pruner and --repeats")  # fmt: skip
    p.add_argument("--precision", choices=PRECISIONS,
                   help="in which training multiplies: only GPUs have tf32; bf16 leaves weights, "
                        "moments, losses fp32 (default: fp32 on CPUs, tf32 on GPUs)")  # fmt: skip
    p.add_argument(
        "--samples", type=int, help=f"drawn to evaluate a trial (default {sweep.samples:,})"
    )
    p.add_argument("--max-hours", type=float, metavar="H", help="stop in time; --resume goes on")
    p.add_argument("--max-images", type=int, metavar="N", help="examples that all trials see")
    p.add_argument("--max-cost", type=float, metavar="M",
                   help="money: stop in time, checkpoints included; --resume goes on")  # fmt: skip
    p.add_argument("--hourly-price", type=float, metavar="P",
                   help="what an hour of it all costs (default: by the price table, where hosts "
                        "tell their instance types)")  # fmt: skip
    p.add_argument("--prices", metavar="FILE",
                   help="your price table, as gensweep/cluster/prices.json (default: "
                        "GENSWEEP_PRICES, or that one: list prices, check them)")  # fmt: skip
    p.add_argument("--instance-type", metavar="TYPE[:MARKET]",
                   help="tell in a dry run what an hour of these costs, as g6.xlarge:spot "
                        "(default: the cluster's own)")  # fmt: skip
    p.add_argument("--name", help="of a new sweep (default: the script's and the time)")
    p.add_argument("--resume", metavar="NAME", help="go on with that sweep, or extend it")
    p.add_argument("--dry-run", action="store_true", help="check everything and print the plan")
    p.add_argument("--measure", action="store_true",
                   help="for a dry run, measure the pace on a worker of the cluster, which tells "
                        "hours and cost: an empty pool starts one, and the data go to the "
                        "store")  # fmt: skip
    _add_data(p, sweep)
    _add_room(p, sweep)
    return p


def _add_data(p: argparse.ArgumentParser, sweep: Sweep) -> None:
    data = p.add_argument_group("data")
    data.add_argument("--data", metavar="SET",
                      help="digits, ring8, grid25, mnist, fashion_mnist, cifar10, NAME=PATH, a "
                           "folder of images (with a folder for each class) or of Parquet, or "
                           f"s3://... (default {sweep.data})")  # fmt: skip
    data.add_argument("--image-size", type=int, metavar="S",
                      help="scale the shorter side of each image to S pixels and crop the centre: "
                           "for images in folders or Parquet that differ in size")  # fmt: skip
    data.add_argument(
        "--column",
        metavar="NAME",
        help="Parquet column with the images (default: 'image' or the like)",
    )
    data.add_argument(
        "--label",
        metavar="NAME",
        help="Parquet column with the classes (default: 'label' or the like)",
    )
    data.add_argument("--download", metavar="URL",
                      help="web folder with the four .gz files of mnist or fashion_mnist: they are "
                           "fetched, unless they are there, into $GENSWEEP_DATA, or the folder of "
                           "NAME=PATH; for a dry run too, which reads the data")  # fmt: skip


def _add_room(p: argparse.ArgumentParser, sweep: Sweep) -> None:
    room = p.add_argument_group("where it trains")
    fits = f"two cores (default), or all GPUs of a cluster{_larger(sweep)}"
    room.add_argument("--preset", choices=PRESETS, default="laptop", help=fits)
    room.add_argument("--gpus", type=int, help="GPUs to use; 0 trains on CPUs (default)")
    room.add_argument("--packs", type=int,
                      help="packs that train side by side (default: as many as the GPUs hold, or "
                           "two on CPUs)")  # fmt: skip
    room.add_argument(
        "--width",
        type=int,
        help="lanes of a pack, trials trained as one stacked computation (default: measured once "
        "for each network and machine, and remembered)",
    )
    room.add_argument("--ranks", type=int, default=1,
                      help="workers that share each batch of a pack (default 1)")  # fmt: skip


def _summaries(table: Mapping[str, Sampler] | Mapping[str, Pruner]) -> str:
    """Say what each entry of a table does."""
    return "; ".join(f"{entry.name} {entry.summary}" for entry in table.values())


def _larger(sweep: Sweep) -> str:
    """What the cluster's preset changes, in words."""
    said = [f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
            for name, value in sweep.cluster.items()]  # fmt: skip
    return f", with {', '.join(said)} unless given" if said else ""


def parse_request(description: str, sweep: Sweep, argv: list[str] | None = None) -> RunRequest:
    """The sweep as the command line changes it; `UserError` names a wrong value."""
    from gensweep.planning._resume import remembered

    args = parser(description, sweep).parse_args(argv)
    _check(args)
    if args.preset == "cluster":
        sweep = replace(sweep, **sweep.cluster)
    changes = {name: value for name in GIVEN if (value := getattr(args, name)) is not None}
    if args.resume:
        sweep = remembered(checked_name(args.resume), sweep, changes)
    else:
        sweep = replace(sweep, name=checked_name(args.name or _fresh_name(sweep.name)))
    gpus = _gpus(args.preset, args.gpus)
    packs = _packs(args.packs, args.ranks, gpus)
    width = sweep.width if args.width is None else args.width
    changed = replace(sweep, **changes, width=width).shared(packs)
    check_lanes(changed, packs)
    precision_of(changed.precision, "cuda" if gpus else "cpu")
    return RunRequest(sweep=changed, resume=bool(args.resume), dry_run=args.dry_run,
                   measure=args.measure, gpus=gpus, packs=packs, ranks=args.ranks,
                   download=args.download, room=_room(args), prices=args.prices,
                   instance_type=args.instance_type, script=sys.argv[0])  # fmt: skip


def _room(args: argparse.Namespace) -> str:
    given = {name: getattr(args, name) for name, default in ROOM.items()
             if getattr(args, name) != default}  # fmt: skip
    return "".join(f" --{name} {value}" for name, value in given.items())


def _gpus(preset: str, request: int | None) -> int:
    """As many as were asked for; by default the preset's: none, or all of the cluster."""
    from gensweep.planning._capacity import all_gpus

    if preset == "cluster" and request is None:
        return all_gpus()
    return request or 0


def _packs(request: int | None, ranks: int, gpus: int) -> int:
    """As many as were asked for; by default what the GPUs hold, or two cores."""
    if not gpus:  # ranks take the place of the second pack
        return request or (LAPTOP_PACKS if ranks == 1 else 1)
    packs = request or max(1, gpus // ranks)
    if packs * ranks > gpus:
        raise UserError(f"{packs} packs of {ranks} ranks take {packs * ranks} GPUs, more than "
                        f"--gpus {gpus}: raise it, or lower --packs or --ranks.")  # fmt: skip
    return packs


def _check(args: argparse.Namespace) -> None:
    for name, low in (("gpus", 0), ("packs", 1), ("ranks", 1)):
        value = getattr(args, name)
        if value is not None and value < low:
            raise UserError(f"`{name} >= {low}` must hold, but got {name}={value}.")
    if args.preset == "cluster" and args.gpus == 0:
        raise UserError("--preset cluster trains on GPUs, but got --gpus 0: leave one of them out.")
    if args.instance_type and not args.dry_run:
        raise UserError(f"--instance-type {args.instance_type} is for --dry-run: the hosts of a "
                        "cluster are those of its pools; leave it out.")  # fmt: skip
    if args.measure and not args.dry_run:
        raise UserError("--measure is for --dry-run: packs measure by themselves; leave it out.")
    if args.measure and args.instance_type:
        raise UserError(f"--measure takes the pace of the cluster's own hosts, which says nothing "
                        f"of --instance-type {args.instance_type}: leave one out.")  # fmt: skip
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
