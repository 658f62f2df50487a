"""`gensweep export NAME`: a configuration as a file, and its trained weights as another."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.cli._json_answer import add_json, print_answer
from gensweep.json_text import json_text

if TYPE_CHECKING:
    from gensweep.study import SweepSnapshot
    from gensweep.trial import TrialView

WEIGHTS, ABOUT = "weights.safetensors", "about.json"


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "export", help="write a trial's configuration, and its weights",
        description="Write every hyperparameter of a trial, searched or not, to a file that any "
        "sweep of the same model takes by --set-from: it fixes those values, and --trials are "
        "seeds of that one configuration. Take a line out of the file to search it again.",
        epilog="gensweep export NAME --out best.toml; "
        "python SCRIPT --set-from best.toml --trials 5 --budget-images 1000000",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--trial", type=int, metavar="N",
                        help="of this one (default: that which `gensweep best` tells)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where to, .toml or .json (default NAME-N.toml)")  # fmt: skip
    parser.add_argument("--model", type=Path, metavar="DIR",
                        help=f"write its trained weights too, {WEIGHTS} and {ABOUT}, which "
                        "`gensweep.sweep.sample_lane` draws from")  # fmt: skip
    add_json(parser, "the trial, its hyperparameters, and the files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.configuration_file import ConfigurationFile, check_suffix
    from gensweep.errors import UserError
    from gensweep.results import read_here, refuse_damaged, trial_of, whole_configuration

    snapshot = read_here(args.name)
    with refuse_damaged(args.name):
        trial = trial_of(snapshot, args.trial)
        out = args.out or Path(f"{args.name}-{trial['number']}.toml")
        check_suffix(out.suffix)
        whole = whole_configuration(snapshot, trial["params"])
        text = ConfigurationFile(
            model=snapshot.spec["model"], values=whole,
            about={"sweep": args.name, "trial": trial["number"], "seed": trial["seed"],
                   "data": snapshot.spec["data"], "budget_images": snapshot.spec["budget_images"]},
        ).text(out.suffix)  # fmt: skip
    try:
        out.write_text(text, encoding="utf-8")
        written = [out]
        if args.model is not None:
            written += _export_model(snapshot, trial, args.model)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written ({error.strerror}): choose another "
                        "place.") from error  # fmt: skip
    files = [str(file) for file in written]
    told = {"sweep": args.name, "model": snapshot.spec["model"], "trial": trial["number"],
            "seed": trial["seed"], "hyperparameters": whole, "files": files}  # fmt: skip
    print_answer(args, told, "\n".join(files))
    return 0


def _export_model(snapshot: "SweepSnapshot", trial: "TrialView", folder: Path) -> list[Path]:
    """Write the trial's weights and what samples are drawn by; return the files.

    `UserError` if the store has lost them.
    """
    from gensweep.errors import UserError
    from gensweep.evaluation import sampler_spec
    from gensweep.results import sweep_of
    from gensweep.stack_env import required_env
    from gensweep.storage import load_trained_lane, open_store

    sweep, uri = sweep_of(snapshot), required_env("GENSWEEP_STORE")
    store = open_store(uri, was_there=snapshot.may_be_in(uri))
    try:
        weights = load_trained_lane(store, trial)
    except LookupError as error:
        raise UserError(f"the store has no weights of trial {trial['number']} of sweep "
                        f"{snapshot.name!r}: {error}") from error  # fmt: skip
    about = sampler_spec(sweep, trial["params"], _data_of(snapshot, store))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / ABOUT).write_text(json_text(about, default=str) + "\n", encoding="utf-8")
    return [folder / WEIGHTS, folder / ABOUT]


def _data_of(snapshot: "SweepSnapshot", store: Any) -> Any:
    """Load the data that the sweep trained on, of which the store has a copy."""
    from gensweep.data import load_dataset
    from gensweep.errors import UserError

    ending = f"-{snapshot.spec['data_hash'][:16]}"
    folders = {key.split("/")[1] for key in store.list("datasets/") if key.count("/") > 1}
    for name in sorted(folders):
        if name.endswith(ending):
            return load_dataset(name, store)
    raise UserError(f"the store has no data set of sweep {snapshot.name!r} (sha256 "
                    f"{snapshot.spec['data_hash'][:12]}): a dry run of its script reads it "
                    "again.")  # fmt: skip
