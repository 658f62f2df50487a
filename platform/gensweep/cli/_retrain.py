"""`gensweep retrain NAME`: trains one configuration of a sweep for longer, with several seeds."""

import argparse
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gensweep.cli._json_answer import add_json, words_aside
from gensweep.json_text import json_text

if TYPE_CHECKING:
    from gensweep.planning import Plan
    from gensweep.spec import Sweep
    from gensweep.study import SweepSnapshot
    from gensweep.trial import TrialView

TIMES = 4
"""The budget of the sweep, unless another is asked for."""
SEEDS = 3


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "retrain", help="train one configuration longer, with several seeds",
        description="Run a new sweep of one configuration of an old one: its seeds, trained on "
        "more examples, without pruning, measured by the same protocol. The model must be in an "
        "installed catalogue. Options of every sweep's script, such as --gpus 1, --dry-run or "
        "--resume, may follow; --seed and the like are theirs.",
        epilog="gensweep retrain NAME --examples 2000000 --seeds 5 --gpus 1 --dry-run",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--trial", type=int, metavar="N",
                        help="of this one (default: that which `gensweep best` tells)")  # fmt: skip
    parser.add_argument("--examples", type=int, metavar="N",
                        help=f"a seed sees (default: {TIMES} times the sweep's)")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="K",
                        help=f"trials that are trained (default {SEEDS})")  # fmt: skip
    add_json(parser, "the new sweep, its trials by state, and its report, once it ended")
    parser.set_defaults(run=run, takes_more=True)


def run(args: argparse.Namespace) -> int:
    from gensweep.driver import main
    from gensweep.results import read_here, refuse_damaged, trial_of

    snapshot = read_here(args.name)
    with refuse_damaged(args.name):
        trial = trial_of(snapshot, args.trial)
        sweep = retrained(snapshot, trial, args.examples, args.seeds)
    # The script, as the line to type next names it.
    sys.argv = [
        f"gensweep retrain {shlex.quote(args.name)} --trial {trial['number']} "
        f"--examples {sweep.budget_images} --seeds {sweep.trials}"
    ]
    with words_aside(args):
        plan = main(f"Trial {trial['number']} of {args.name}, trained again.", sweep, args.more)
    if args.json:
        print(json_text(answer(plan, args.name, trial["number"])))
    return 0


def answer(plan: "Plan", old: str, trial: int) -> dict[str, Any]:
    """Tell of the sweep of a trial of the sweep `old`, and what came of it unless it ran dry."""
    from gensweep.redact import redact
    from gensweep.results import SweepProgress
    from gensweep.study import read_sweep

    sweep = plan.request.sweep
    told = {
        "sweep": sweep.name, "of": {"sweep": old, "trial": trial}, "model": sweep.model.name,
        "data": sweep.data, "hyperparameters": sweep.fixed, "examples": sweep.budget_images,
        "seeds": sweep.trials, "store": redact(f"{plan.store}/sweeps/{sweep.name}/"),
        "tracker": redact(plan.tracking_uri), "dry_run": plan.request.dry_run,
    }  # fmt: skip
    if plan.request.dry_run:
        return told
    progress = SweepProgress.of(read_sweep(sweep.name, plan.ledger))
    return told | {
        "states": progress.states, "metric": progress.metric, "best": progress.best,
        "best_trial": progress.best_trial, "report": f"{plan.home}/reports/{sweep.name}.html",
    }  # fmt: skip


def retrained(
    snapshot: "SweepSnapshot", trial: "TrialView", examples: int | None, seeds: int
) -> "Sweep":
    """Return the sweep of a trial's configuration, whose trials are `seeds`.

    `examples` None: `TIMES` as many as in the sweep. `UserError` for what cannot be.
    """
    from gensweep.errors import UserError
    from gensweep.results import sweep_of, whole_configuration
    from gensweep.spec import fix_values

    if seeds < 1:
        raise UserError(f"`1 <= seeds` must hold, but got --seeds {seeds}.")
    old = sweep_of(snapshot)
    name = f"{snapshot.name[:50]}-retrain"
    budget = TIMES * old.budget_images if examples is None else examples
    longer = replace(
        old, name=name, question=name, budget_images=budget, pruner="none", pbt=False,
        sampler="random", grid_points=None, threads=None,
    )  # fmt: skip
    return fix_values(longer, whole_configuration(snapshot, trial["params"]), seeds)
