"""The command line that every sweep script has.

An option that is a field of the sweep is declared there; this file adds those of a run.
"""

import argparse
import os
import shlex
import sys
import textwrap
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from gensweep.configuration_file import ConfigurationFile
from gensweep.errors import UserError
from gensweep.lanes import precision_of
from gensweep.option_parser import OptionParser
from gensweep.patience import Patience
from gensweep.spec import DATA, MOST_PACKS, PLACEMENT, RunRequest, Sweep, declarations, fix_values

EXAMPLES = """examples:
  python %(prog)s --dry-run                 check everything, print the plan, start nothing
  python %(prog)s --data mnist --trials 64  real MNIST (put it in $GENSWEEP_DATA/mnist)
  python %(prog)s --data ./photos --image-size 32   a folder with a folder for each class
  python %(prog)s --data ./table.parquet --column picture --label kind --image-size 28
  python %(prog)s --data mnist --download https://HOST/mnist   fetch it first
  python %(prog)s --set-from best.toml --trials 5   seeds of what `gensweep export` wrote
  python %(prog)s --resume NAME             go on after a crash, a Ctrl-C or --max-hours
  python %(prog)s --resume NAME --trials 128   extend a finished sweep
"""
PRESETS = ("laptop", "cluster")
"""A few cores, or a cluster, all of whose GPUs are used."""
LONGEST_ERROR = 300
"""Characters: what was typed may have a million."""
LONGEST_WAIT_S = 604_800
"""A week."""
LAPTOP_PACKS = 2
"""One trains while the other is evaluated or waits; each has its share of the cores."""
PLACED = ("preset", "gpus", "packs", "width", "ranks", "set_from")
"""Options that a resumed sweep must be told again: where it trains, and what the script's space
lacks."""


def options_parser(description: str, sweep: Sweep) -> argparse.ArgumentParser:
    """The options, with the script's own sweep as defaults."""
    p = OptionParser(
        prog=sys.argv[0],
        description=description,
        epilog=f"{EXAMPLES}\n{_kept(sweep)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    _add_fields(p, sweep, "")
    _add_prices(p)
    _add_run(p)
    data = p.add_argument_group(DATA)
    _add_fields(data, sweep, DATA)
    data.add_argument("--download", metavar="URL",
                      help="web folder with the four .gz files of mnist or fashion_mnist: they are "
                           "fetched, unless they are there, into $GENSWEEP_DATA, or the folder of "
                           "NAME=PATH; for a dry run too, which reads the data")  # fmt: skip
    _add_placement(p.add_argument_group(PLACEMENT), sweep)
    return p


def _kept(sweep: Sweep) -> str:
    """List the options that a resumed sweep keeps, for the end of `--help`."""
    *names, last = (declared.flag for declared in declarations(sweep) if declared.kept_on_resume)
    text = f"A resumed sweep keeps what it began with of {', '.join(names)} and {last}."
    return textwrap.fill(text, 100, break_on_hyphens=False) + "\n"


def _add_fields(p: "argparse._ActionsContainer", sweep: Sweep, group: str) -> None:
    """Add the options of the sweep's fields in a `group` of the help.

    None of them has a default here, so that parsing shows which were given.
    """
    for declared in declarations(sweep):
        option = declared.option
        if option is None or option.group != group:
            continue
        text = declared.help.format(value=getattr(sweep, declared.name))
        if declared.kind is bool:
            p.add_argument(declared.flag, action="store_true", default=None, help=text)
        else:
            p.add_argument(declared.flag, type=declared.kind, metavar=option.metavar,
                           nargs="?" if option.without_value else None,
                           const=option.without_value, choices=option.choices,
                           help=text)  # fmt: skip


def _add_prices(p: argparse.ArgumentParser) -> None:
    p.add_argument("--prices", metavar="FILE",
                   help="your price table, as gensweep/cluster/prices.json (default: "
                        "GENSWEEP_PRICES, or that one: list prices, check them)")  # fmt: skip
    p.add_argument("--instance-type", metavar="TYPE[:MARKET]",
                   help="tell in a dry run what an hour of these costs, as g6.xlarge:spot "
                        "(default: the cluster's own)")  # fmt: skip


def _add_run(p: argparse.ArgumentParser) -> None:
    p.add_argument("--name", help="of a new sweep (default: the script's and the time)")
    p.add_argument("--resume", metavar="NAME", help="go on with that sweep, or extend it")
    p.add_argument("--set-from", metavar="FILE", type=Path,
                   help="fix the hyperparameters that a .toml or .json file has, as `gensweep "
                        "export` writes them: what it leaves out is searched; if that is nothing, "
                        "--trials are seeds of that one configuration")  # fmt: skip
    p.add_argument("--dry-run", action="store_true", help="check everything and print the plan")
    p.add_argument("--measure", action="store_true",
                   help="for a dry run, measure the pace on a worker of the cluster, which tells "
                        "hours and cost: an empty pool starts one, and the data go to the "
                        "store")  # fmt: skip
    p.add_argument("--wait", type=float, metavar="SECONDS",
                   help="wait so long for each: a store, a tracker, a ledger's database that does "
                        "not answer, a cluster that lost nodes, before this ends (default 60; a "
                        "dry run: 0); a sweep that runs waits ten minutes")  # fmt: skip
    p.add_argument("-v", "--verbose", action="count", default=0,
                   help="tell details on stderr, too: what was found and chosen, each pack; those "
                        "of packs and of the coordinator are in Ray's worker-*.err")  # fmt: skip
    p.add_argument("-q", "--quiet", action="count", default=0,
                   help="tell no progress, only warnings and errors; the answer stays on stdout "
                        "(takes back one -v)")  # fmt: skip


def _add_placement(p: "argparse._ActionsContainer", sweep: Sweep) -> None:
    fits = f"two cores (default), or all GPUs of a cluster{_larger(sweep)}"
    p.add_argument("--preset", choices=PRESETS, default="laptop", help=fits)
    p.add_argument("--gpus", type=int, help="GPUs to use; 0 trains on CPUs (default)")
    p.add_argument("--packs", type=int,
                   help="packs that train side by side (default: as many as the GPUs hold, or "
                        "two on CPUs)")  # fmt: skip
    _add_fields(p, sweep, PLACEMENT)
    p.add_argument("--ranks", type=int, default=1,
                   help="workers that share each batch of a pack (default 1)")  # fmt: skip


def _larger(sweep: Sweep) -> str:
    """Say what the cluster's preset changes."""
    changes = [f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
               for name, value in sweep.cluster.items()]  # fmt: skip
    return f", with {', '.join(changes)} unless given" if changes else ""


def parse_request(description: str, sweep: Sweep, argv: list[str] | None = None) -> RunRequest:
    """The sweep as the command line changes it; `UserError` names a wrong value.

    `argv` are the arguments without the script's name, None for those of this process. The name
    of a new sweep gets the time appended unless one is given.
    """
    from gensweep.planning._resume import settings_of_resumed

    options = options_parser(description, sweep)
    args = options.parse_args(argv)
    _check(args)
    preset = sweep.cluster if args.preset == "cluster" else {}
    sweep = replace(sweep, **{"cluster": {}, **preset})  # what is given need not suit the other
    given = {declared.name: getattr(args, declared.name)
             for declared in declarations(sweep) if declared.option is not None}  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    if args.set_from is not None:
        sweep = _set_from(args.set_from, sweep, args.trials or args.repeats)
        if not sweep.space:  # the trials are seeds
            changes |= {} if args.resume else {"trials": sweep.trials, "repeats": sweep.repeats}
    if args.resume:
        name, patience = checked_name(args.resume), Patience(_wait_s(args.wait, args.dry_run))
        sweep = patience.keep_trying(partial(settings_of_resumed, name, sweep, changes))
    else:
        sweep = replace(sweep, name=checked_name(args.name or _fresh_name(sweep.name)))
    gpus = _gpus(args.preset, args.gpus)
    packs = _packs(args.packs, args.ranks, gpus)
    sweep = replace(sweep, **changes).fitted_to(packs, on_gpu=bool(gpus))
    precision_of(sweep.precision, "cuda" if gpus else "cpu")
    return RunRequest(
        sweep=sweep, resume=bool(args.resume), dry_run=args.dry_run, measure=args.measure,
        wait_s=_wait_s(args.wait, args.dry_run),
        gpus=gpus, packs=packs, ranks=args.ranks, download=args.download,
        placement_options=_placement_options(options, args), prices=args.prices,
        instance_type=args.instance_type, script=sys.argv[0],
        description=description, verbosity=args.verbose - args.quiet,
    )  # fmt: skip


def _wait_s(given: float | None, dry_run: bool) -> float:
    """The seconds to wait for servers: those `given`, or a minute where a sweep is to start."""
    if given is None:
        return 0.0 if dry_run else 60.0
    if not 0 <= given <= LONGEST_WAIT_S:
        raise UserError(f"--wait {given:g} is no number of seconds: use 0 to {LONGEST_WAIT_S:,}.")
    return given


def _set_from(path: Path, sweep: Sweep, trials: int | None) -> Sweep:
    """Fix what the file has; `UserError` if it is of another model, or of no configuration."""
    file = ConfigurationFile.read(path)
    if file.model not in ("", sweep.model.name):
        raise UserError(f"--set-from {path} is of the model {file.model!r}, this script sweeps "
                        f"{sweep.model.name!r}: give it to a script of that one.")  # fmt: skip
    return fix_values(sweep, file.values, trials)


def _placement_options(options: argparse.ArgumentParser, args: argparse.Namespace) -> str:
    """List the options of `PLACED` that are not the defaults, as they are typed."""
    given = {name: getattr(args, name) for name in PLACED
             if getattr(args, name) != options.get_default(name)}  # fmt: skip
    return "".join(f" --{n.replace('_', '-')} {shlex.quote(str(v))}" for n, v in given.items())


def _gpus(preset: str, requested: int | None) -> int:
    """The GPUs to use: those `requested`, or the preset's: none, or all of the cluster."""
    from gensweep.planning._capacity import all_gpus

    if preset == "cluster" and requested is None:
        return all_gpus()
    return requested or 0


def _packs(requested: int | None, ranks: int, gpus: int) -> int:
    """The packs side by side: those `requested`, or what the GPUs, or two cores, hold."""
    if not gpus:  # ranks take the place of the second pack
        return requested or (LAPTOP_PACKS if ranks == 1 else 1)
    packs = requested or max(1, gpus // ranks)
    if packs * ranks > gpus:
        raise UserError(f"{packs} packs of {ranks} ranks take {packs * ranks} GPUs, more than "
                        f"--gpus {gpus}: raise it, or lower --packs or --ranks.")  # fmt: skip
    return packs


def _check(args: argparse.Namespace) -> None:
    """`UserError` for options that are out of range, or that exclude each other."""
    for name, low in (("gpus", 0), ("packs", 1), ("ranks", 1)):
        value = getattr(args, name)
        if value is not None and not low <= value <= MOST_PACKS:
            raise UserError(
                f"`{low} <= {name} <= {MOST_PACKS:,}` must hold, but got {name}={value}."
            )
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
    """The name; `UserError` unless it can be a path component, an S3 key and an MLflow name."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isascii() or not plain.isalnum() or len(name) > 80 or name.startswith("."):
        shown = name if len(name) <= LONGEST_ERROR else f"{name[:LONGEST_ERROR]}..."
        raise UserError(
            f"the sweep name {shown!r} will not do: use up to 80 letters, digits, '-', '_', '.'."
        )
    return name


def _fresh_name(base: str) -> str:
    """A name that no other sweep of this script has: its time, and some digits of its process."""
    return f"{base}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid() % 1000:03d}"
