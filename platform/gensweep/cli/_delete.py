"""`gensweep delete NAME`: takes a sweep out of the ledger, the store and MLflow."""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.cli._json_answer import add_json, print_answer, words_aside
from gensweep.printable import printable

if TYPE_CHECKING:
    from gensweep.storage import ObjectStore
    from gensweep.tracking import SweepTraces


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "delete", help="delete a sweep: trials, objects, runs, and its model",
        description="Delete a sweep from the ledger, its objects from the store, its runs and the "
        "model that it registered from MLflow, and its files here. Data sets, which other sweeps "
        "use, stay. Says first what goes, with counts, and asks; a sweep that runs is refused. "
        "MLflow keeps deleted runs until `mlflow gc`.",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_json(parser, "what went, with counts; the question is asked on stderr")
    parser.set_defaults(run=run)


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """The traces of a sweep, and where they are."""

    name: str
    trials: int
    store: "ObjectStore"
    keys: list[str]
    tracking_uri: str
    traces: "SweepTraces"
    files: list[Path]
    """Files and folders of this home."""

    def lines(self) -> list[str]:
        """Say what will be deleted."""
        from gensweep.redact import redact

        models = "".join(f", model {name} version {v}" for name, v in self.traces.versions)
        return [
            f"sweep {self.name}: {self.trials} trials in the ledger",
            f"{len(self.keys)} objects in {self.store.uri}/sweeps/{self.name}/",
            f"{len(self.traces.runs)} runs in {redact(self.tracking_uri)}{models}",
            *(str(file) for file in self.files),
        ]

    def as_json(self) -> dict[str, Any]:
        """Tell the same as plain JSON."""
        from gensweep.redact import redact

        return {
            "sweep": self.name,
            "trials": self.trials,
            "store": f"{self.store.uri}/sweeps/{self.name}/",
            "objects": len(self.keys),
            "tracker": redact(self.tracking_uri),
            "runs": len(self.traces.runs),
            "models": [{"name": name, "version": v} for name, v in self.traces.versions],
            "files": [str(file) for file in self.files],
        }


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.home import find_home
    from gensweep.results import read_here
    from gensweep.study import ledger_of, only_writer

    trials = len(read_here(args.name).records)
    ledger = ledger_of(str(find_home().path))
    with words_aside(args), only_writer(ledger, args.name) as journal:  # `UserError` while it runs
        doomed = _find(args.name, trials)
        print("\n".join(map(printable, doomed.lines())))
        if not args.yes and not _is_meant(args.name):
            raise UserError("nothing was deleted: --yes does it without a question.")
        _delete(doomed)
        journal.delete(args.name)  # at last, so that what was cut short can be repeated
    print_answer(args, doomed.as_json(), f"deleted {printable(args.name)}")
    return 0


def _is_meant(name: str) -> bool:
    """Ask on a terminal; whoever does not type the sweep's name there does not mean it."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"type {name} to delete all of it: ") == name
    except EOFError:
        return False


def _find(name: str, trials: int) -> Doomed:
    from gensweep.home import find_home
    from gensweep.stack_env import required_env
    from gensweep.storage import open_store
    from gensweep.tracking import find_traces

    store, home = open_store(required_env("GENSWEEP_STORE")), find_home()
    uri = required_env("MLFLOW_TRACKING_URI")
    files = [home.path / "reports" / f"{name}.html", home.spool(name)]
    return Doomed(
        name=name, trials=trials, store=store, keys=store.list(f"sweeps/{name}/"),
        tracking_uri=uri, traces=find_traces(uri, name), files=[f for f in files if f.exists()],
    )  # fmt: skip


def _delete(doomed: Doomed) -> None:
    from gensweep.tracking import delete_traces

    delete_traces(doomed.tracking_uri, doomed.traces)
    for key in doomed.keys:
        doomed.store.delete(key)
    for file in doomed.files:
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
