"""How many modes GANs find, and how good their samples are, beside what papers say of them.

    python tests/benchmarks/mode_table.py --data grid25 [--row r3gan] [--seeds 10]
        [--images N] [--first-seed 100] [--markdown] [--threads 1]

Trains the rows of `mode_rows.py`, each as one pack of `--seeds` trials, and measures each trial as
PacGAN (arXiv:1712.04086) does: of 2,500 samples of a mixture, those within 3 standard deviations
of a mode are of high quality, and a mode counts that has one; of Stacked MNIST, 26,000 samples are
classified channel by channel, and a mode counts that has any. Samples are never truncated. Prints a
JSON line for each row, or its line of models/MODES.md: `metric` is the mean over seeds and
`metric.interval` half of its 95 % confidence interval by Student's t. `own.*` are the same metrics
of as many real examples. Settings were found with seeds below 100, which is why these begin there.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from entry_quality import own_scores, sweep_of, trained
from machine import machine
from mode_rows import ROWS, Row
from scipy.stats import t as student

from gensweep.catalog import model_named
from gensweep.data import load_dataset
from gensweep.evaluation import build_evaluator
from gensweep.sampling_fields import neutral_values
from gensweep.storage import ObjectStore, open_store

POINTS = ("modes", "high_quality", "reverse_kl")
STACKED = ("classes_seen", "class_kl")


def interval(values: list[float]) -> float:
    """Return half of the 95 % confidence interval of the mean, by Student's t; 0 of one value."""
    if len(values) < 2:
        return 0.0
    return float(student.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def summary(found: list[dict[str, float]], names: tuple[str, ...]) -> dict[str, float]:
    """Return mean and interval of each metric; of a lane that diverged, none is known."""
    figures: dict[str, float] = {"diverged": sum(one["finite"] == 0 for one in found)}
    for name in names:
        values = [one[name] for one in found if name in one]
        figures |= {name: mean(values), f"{name}.interval": interval(values)} if values else {}
    return figures


def measured(
    store: ObjectStore, data: str, row: Row, images: int, seeds: Sequence[int]
) -> dict[str, float]:
    """Train a row's trials and measure their samples."""
    model, settings = model_named(row.entry), dict(row.settings)
    sweep = sweep_of(model, data, settings)
    train, test = (load_dataset(data, store, split=split) for split in ("train", "test"))
    evaluator = build_evaluator(sweep, store, train, test)
    names = STACKED if train.modes is None else POINTS
    begin = time.perf_counter()
    pack = trained(model, train, model.config(**settings), images, seeds)
    spent = time.perf_counter() - begin
    found, neutral = [], neutral_values(sweep.sampling)
    for slot in pack.occupied:
        drawn = pack.sample(evaluator.evaluator.samples, slots=[slot], hyper=neutral)
        found += evaluator.evaluator.evaluate(drawn, names)
    own = own_scores(evaluator, train, names)
    return {**summary(found, names), **{f"own.{n}": own[n] for n in names}, "seconds": spent}


def markdown(name: str, row: Row, figures: dict[str, Any]) -> str:
    """Write a row of models/MODES.md."""
    scales = {"modes": (1, 1), "high_quality": (100, 1), "reverse_kl": (1, 3),
              "classes_seen": (1, 0), "class_kl": (1, 2)}  # fmt: skip
    cells = [
        f"{scale * figures[of]:.{digits}f} ± {scale * figures[f'{of}.interval']:.{digits}f}"
        for of, (scale, digits) in scales.items()
        if of in figures
    ]
    last = [str(figures["seeds"]), f"{figures['images']:,}", f"{figures['seconds']:.0f}"]
    return f"| {' | '.join([name, *cells, row.paper, *last])} |"


def main(args: argparse.Namespace, name: str, store: ObjectStore) -> dict[str, Any]:
    row = ROWS[args.data][name]
    images = args.images or row.images
    seeds = range(args.first_seed, args.first_seed + (args.seeds or row.seeds))
    figures: dict[str, Any] = {"images": images, "seeds": len(seeds)}
    figures |= measured(store, args.data, row, images, seeds)
    return {"data": args.data, "row": name, "entry": row.entry, "settings": dict(row.settings),
            "paper": row.paper, "figures": figures, "ratios": {},
            "equal_quality": not figures["diverged"]}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", required=True, choices=sorted(ROWS), help="what has the modes")
    made.add_argument("--row", help="one of the table's, say r3gan (default: all, in turn)")
    made.add_argument("--seeds", type=int, help="trials of a row, in one pack (default: the row's)")
    made.add_argument("--first-seed", type=int, default=100,
                      help="of the trials; below 100 settings were searched")  # fmt: skip
    made.add_argument("--images", type=int, help="budget of each trial (default: the row's)")
    made.add_argument("--markdown", action="store_true", help="print lines of models/MODES.md")
    made.add_argument("--threads", type=int, default=1)
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    known = ROWS[given.data]
    if given.row and given.row not in known:
        sys.exit(f"no row {given.row!r} of {given.data}: choose from {', '.join(known)}.")
    torch.set_num_threads(given.threads)
    on = {"machine": machine() | {"threads": given.threads}}
    with tempfile.TemporaryDirectory() as folder:
        kept = open_store(Path(folder).as_uri())
        for each in [given.row] if given.row else known:
            made = main(given, each, kept)
            line = json.dumps({"benchmark": "mode_table", **made, **on})
            told = markdown(each, known[each], made["figures"]) if given.markdown else line
            print(told, flush=True)
