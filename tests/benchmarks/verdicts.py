"""How often the verdict on a trial is right, of runs made to be healthy or to fail in a known way.

    python tests/benchmarks/verdicts.py [--seeds 5] [--label healthy] [--images-part 1.0]
        [--pictures FOLDER]

Trains the rows of `verdict_runs.py`, each as a sweep of `--seeds` trials in one pack, with the
sweep's own rungs, evaluation and verdict. Prints one JSON line: `confusion` has, by label, the
verdicts and how many runs got each; `right` is the share of right ones, `right.held_out` that of
the odd-numbered runs, which no bound was chosen by. `--pictures` keeps each run's samples, to see
with one's own eyes that it is what its label says.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from machine import machine
from mlflow import MlflowClient
from torch import Tensor
from verdict_runs import RIGHT, RUNS, Runs

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


def sweep_of(runs: Runs, seeds: int, part: float) -> Sweep:
    """The sweep of a row; its name tells the row."""
    space = {"learning_rate": Real(0.95 * runs.rate, 1.05 * runs.rate, log=True)}
    return Sweep(
        name=f"{runs.label.replace(' ', '-')}-{RUNS.index(runs)}", model=CATALOG[runs.entry],
        data=runs.data, trials=seeds, width=seeds, budget_images=int(part * runs.images), rungs=4,
        sampler="random", samples=1000, space=space, fixed=dict(runs.settings),
    )  # fmt: skip


def trained(runs: Runs, sweep: Sweep, folder: Path, store_uri: str) -> list[TrialView]:
    """Train the trials of a sweep, in one pack and in this process, and return them as ended."""
    store, tracker = open_store(store_uri), f"sqlite:///{folder}/mlflow.db"
    MlflowClient(tracker).create_experiment(sweep.name, artifact_location=f"file://{folder}/a")
    train = load_dataset(runs.data, store, split="train")
    test = load_dataset(runs.data, store, split="test") if train.modes is None else None
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
    train_trials(sweep, client, evaluator, source_of(train, runs.only))
    coordinator.close()
    return trial_views(read_sweep(sweep.name, str(folder / "studies")).records)


def keep_pictures(sweep: Sweep, folder: Path, to: Path) -> None:
    """Copy the pictures of each trial's samples, as the tracker has them."""
    to.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(sorted((folder / "a").rglob("*.png"))):
        shutil.copy(picture, to / f"{sweep.name}-{number:02}-{picture.name}")


def judged(args: argparse.Namespace) -> Iterator[tuple[Runs, TrialView]]:
    """Every run with its end; progress goes to stderr."""
    with tempfile.TemporaryDirectory() as named:
        store = Path(named) / "store"
        for number, runs in enumerate(RUNS):
            if args.label in (None, runs.label):
                folder = Path(named) / str(number)
                folder.mkdir()
                sweep = sweep_of(runs, args.seeds, args.images_part)
                for trial in trained(runs, sweep, folder, store.as_uri()):
                    yield runs, trial
                if args.pictures:
                    keep_pictures(sweep, folder, args.pictures)


def main(args: argparse.Namespace) -> dict[str, Any]:
    begin, confusion, right = time.perf_counter(), dict[str, Counter[str]](), list[bool]()
    for runs, trial in judged(args):
        confusion.setdefault(runs.label, Counter())[trial["outcome"] or ""] += 1
        right.append(trial["outcome"] in RIGHT[runs.label])
        if not right[-1]:
            print(f"{runs.label}, {runs.data}: {trial['outcome']} ({trial['cause']})", flush=True)
    figures = {"runs": len(right), "right": sum(right) / len(right),
               "right.held_out": sum(right[1::2]) / max(1, len(right[1::2])),
               "seconds": time.perf_counter() - begin}  # fmt: skip
    return {"benchmark": "verdicts", "figures": figures, "ratios": {},
            "confusion": {label: dict(found) for label, found in confusion.items()},
            "equal_quality": figures["right.held_out"] >= 0.95, "machine": machine()}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--seeds", type=int, default=5, help="trials of each row")
    made.add_argument("--label", choices=sorted(RIGHT), help="rows of this label alone")
    made.add_argument("--images-part", type=float, default=1.0, help="of each row's budget")
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="where samples are kept")
    return made


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(parser().parse_args())))
