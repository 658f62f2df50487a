"""How often the verdict on a trial is right, of runs made to be healthy or to fail in a known way.

    python tests/benchmarks/verdicts.py [--seeds 2] [--seed 0] [--label healthy] [--images-part 1.0]
        [--rows held_out] [--pictures FOLDER]

Trains the rows of `verdict_runs.py`, each as a sweep of `--seeds` trials in one pack, with the
sweep's own rungs, evaluation and verdict. Prints one JSON line: `confusion` has, of the rows by
which bounds were chosen (`development`) and of the others (`held_out`), by what a person sees the
verdicts and how many runs got each; `labels` has the same by label. `right` is the share of right
ones. `--pictures` keeps each run's samples, to see with one's own eyes what its row says of it.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine
from mlflow import MlflowClient
from torch import Tensor
from verdict_runs import DEVELOPMENT, HELD_OUT, Runs, write_data

from gensweep.coordinator import SweepCoordinator
from gensweep.data import Dataset, load_dataset
from gensweep.evaluation import build_evaluator
from gensweep.planning import Plan
from gensweep.results import trial_views
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.study import read_sweep
from gensweep.sweep import Sweep
from gensweep.trial import TrialView
from gensweep.worker import CoordinatorClient, train_trials
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

PARTS = {"development": DEVELOPMENT, "held_out": HELD_OUT}
LABELS = sorted({runs.label for rows in PARTS.values() for runs in rows})


class SomeOf:
    """A data set's source that has some of the examples alone."""

    def __init__(self, dataset: Dataset, kept: Tensor):
        self._source, self._kept = dataset.source("cpu"), kept

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        """Read batches of them, whatever indices of all examples are asked for."""
        return self._source.gather(self._kept[indices % len(self._kept)])


def source_of(dataset: Dataset, only: tuple[int, ...]) -> Any:
    """Return the examples of these classes or, of a mixture, of these modes; of none, all."""
    if not only:
        return dataset.source("cpu")
    every = dataset.source("cpu").gather(torch.arange(dataset.count))
    places = torch.cdist(every["x"], dataset.modes).argmin(1) if dataset.modes is not None \
        else every["y"]  # fmt: skip
    return SomeOf(dataset, torch.isin(places, torch.tensor(only)).nonzero()[:, 0])


def sweep_of(name: str, runs: Runs, args: argparse.Namespace) -> Sweep:
    """The sweep of a row."""
    space = {"learning_rate": Real(0.95 * runs.rate, 1.05 * runs.rate, log=True)}
    return Sweep(
        name=name, model=CATALOG[runs.entry],
        data=runs.data, trials=args.seeds, width=args.seeds, seed=args.seed,
        budget_images=int(args.images_part * runs.images), rungs=4,
        sampler="random", samples=1000, space=space, fixed=dict(runs.settings),
    )  # fmt: skip


def trained(sweep: Sweep, only: tuple[int, ...], folder: Path, store_uri: str) -> list[TrialView]:
    """Train the trials of a sweep, in one pack and in this process, and return them as ended."""
    store, tracker = open_store(store_uri), f"sqlite:///{folder}/mlflow.db"
    MlflowClient(tracker).create_experiment(sweep.name, artifact_location=f"file://{folder}/a")
    train = load_dataset(sweep.data, store, split="train")
    test = load_dataset(sweep.data, store, split="test") if train.modes is None else None
    plan = Plan(request=RunRequest(sweep=sweep), store=store_uri, home=str(folder),
                ledger=str(folder / "studies"), tracking_uri=tracker, dataset=train,
                test=test)  # fmt: skip
    evaluator = build_evaluator(sweep, store, train, test)
    coordinator = SweepCoordinator(
        plan.run_context(), sweep.objective("frechet" if test else "total_variation"),
        evaluator.protocol,
    )  # fmt: skip

    def ask(method: Any, *args: Any) -> Any:
        return getattr(coordinator, method.__name__)("pack", *args)

    client = CoordinatorClient(ask, "pack", store, sweep.name)
    train_trials(sweep, client, evaluator, source_of(train, only))
    coordinator.close()
    return trial_views(read_sweep(sweep.name, str(folder / "studies")).records)


def keep_pictures(sweep: Sweep, folder: Path, to: Path) -> None:
    """Copy the pictures of each trial's samples, as the tracker has them."""
    to.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(sorted((folder / "a").rglob("*.png"))):
        shutil.copy(picture, to / f"{sweep.name}-{number:02}-{picture.name}")


def judged(args: argparse.Namespace) -> Iterator[tuple[str, Runs, TrialView]]:
    """Every run with its end, and which half it is of."""
    with tempfile.TemporaryDirectory() as named:
        store = Path(named) / "store"
        write_data(Path(named))
        for part, rows in PARTS.items():
            for number, runs in enumerate(rows):
                if part not in args.rows or args.label not in (None, runs.label):
                    continue
                folder = Path(named) / f"{part}-{number}"
                folder.mkdir()
                written = Path(named) / runs.data
                data = str(written) if written.exists() else runs.data
                name = f"{part}-{number}-{runs.label}".replace(" ", "-")
                sweep = sweep_of(name, replace(runs, data=data), args)
                for trial in trained(sweep, runs.only, folder, store.as_uri()):
                    yield part, runs, trial
                if args.pictures:
                    keep_pictures(sweep, folder, args.pictures)


def main(args: argparse.Namespace) -> dict[str, Any]:
    begin = time.perf_counter()
    confusion, labels, right = _table(), _table(), defaultdict[str, list[bool]](list)
    for part, runs, trial in judged(args):
        said = trial["outcome"] or ""
        confusion[part][" or ".join(sorted(runs.sees))][said] += 1
        labels[part][runs.label][said] += 1
        right[part].append(said in runs.sees)
        if not right[part][-1]:
            print(f"{part}, {runs.label}, {runs.data}: {said} ({trial['cause']})", file=sys.stderr)
    figures = {f"right.{part}": sum(one) / len(one) for part, one in right.items()}
    counts = {f"runs.{part}": len(one) for part, one in right.items()}
    return {"benchmark": "verdicts",
            "figures": figures | counts | {"seconds": time.perf_counter() - begin}, "ratios": {},
            "confusion": confusion, "labels": labels,
            "equal_quality": min(figures.values()) >= 0.95, "machine": machine()}  # fmt: skip


def _table() -> Any:
    """Counts by part, by what is so, and by verdict."""
    return defaultdict(lambda: defaultdict(Counter))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--seeds", type=int, default=2, help="trials of each row")
    made.add_argument("--seed", type=int, default=0, help="of each row's sweep")
    made.add_argument("--label", choices=LABELS, help="rows of this label alone")
    made.add_argument("--rows", choices=PARTS, nargs="+", default=list(PARTS), help="which half")
    made.add_argument("--images-part", type=float, default=1.0, help="of each row's budget")
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="where samples are kept")
    return made


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(parser().parse_args())))
