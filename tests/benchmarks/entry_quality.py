"""How good an entry of the catalogue gets in minutes, beside the data's own score.

    python tests/benchmarks/entry_quality.py NAME [--preset] [--data digits] [--images 300000]
        [--seeds 3] [--set FIELD=VALUE ...] [--threads 1] [--picture FILE.png]

One pack of `--seeds` trials with the entry's defaults, or with its `--preset` for digits, but for
what is set, is trained in this process and evaluated as a sweep evaluates its trials. `own.*` are
the same metrics of as many real training examples: what a perfect model would score.
`equal_quality`: every trial converged.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from entry_presets import PRESETS, Preset
from machine import machine

from gensweep.catalog import model_named
from gensweep.cli._check import setting
from gensweep.data import load_dataset
from gensweep.evaluation import Evaluation, LaneEvaluator, build_evaluator, draw_examples
from gensweep.lanes import Pack
from gensweep.sampling_fields import sampling_fields
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep.trial import Outcome

Data = Any
SEGMENTS = 10
"""Parts of the training, after each of which progress is told."""


def trained(sweep: Sweep, data: Data, config: Any, images: int, seeds: int) -> Pack:
    """Train a pack of as many lanes as there are seeds, to the end of their budget."""
    pack = Pack(sweep.model, config, data, data.source("cpu"), width=seeds)
    for slot in range(seeds):
        pack.load(slot, config, seed=slot, budget_images=images)
    ticks = -(-images // config.batch_size)
    while any(pack.lane(slot).remaining for slot in pack.occupied):
        found = pack.run(-(-ticks // SEGMENTS))
        first = found[0]
        told = ", ".join(f"{name} {value:.3g}" for name, value in first.metrics.items())
        print(f"{first.images_seen:,} images: {first.cause or told}", file=sys.stderr)
    return pack


def own_scores(evaluator: LaneEvaluator, data: Data) -> dict[str, float]:
    """Measure real training examples as if a model had drawn them."""
    count = evaluator.evaluator.samples
    drawn = draw_examples(data, count)
    rows = torch.arange(count) % len(drawn["x"])
    samples, y = drawn["x"][rows], drawn.get("y")
    labels = None if y is None else y[rows]
    return evaluator.evaluator.evaluate(samples[None], given=labels)[0]


def summary(results: list[Evaluation]) -> dict[str, float]:
    """Return mean and standard deviation over seeds of each metric that all of them have."""
    names = set.intersection(*(set(one.metrics) for one in results))
    figures: dict[str, float] = {}
    for name in sorted(names):
        values = [one.metrics[name] for one in results]
        figures[name] = mean(values)
        figures[f"{name}.sd"] = stdev(values) if len(values) > 1 else 0.0
    return figures


def main(args: argparse.Namespace) -> dict[str, Any]:
    model = model_named(args.name)
    preset = PRESETS[args.name] if args.preset else Preset()
    images = args.images or preset.images
    values = preset.settings | dict(args.values)
    # A sweep searches something: here it is what evaluates, and the pack's configuration trains.
    fixed = {name: value for name, value in values.items() if name not in model.space}
    no_curves = {one.name: () for one in sampling_fields(model.config) if one.grid}
    sweep = Sweep(name="quality", model=model, space=model.space, data=args.data, fixed=fixed,
                  sampling_grids=no_curves)  # fmt: skip
    config = model.config(**values)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder).as_uri())
        splits = [load_dataset(args.data, store, split=split) for split in ("train", "test")]
        evaluator = build_evaluator(sweep, store, *splits)
        begin = time.perf_counter()
        pack = trained(sweep, splits[0], config, images, args.seeds)
        spent = time.perf_counter() - begin
        found = dict(evaluator.evaluate(pack, dict.fromkeys(pack.occupied, True), bound=True))
        own = own_scores(evaluator, splits[0])
    if args.picture:
        args.picture.write_bytes(found[0].png)
    results = list(found.values())
    told = {"outcomes": [str(one.outcome) for one in results], "settings": values}
    figures = {**summary(results), **{f"own.{n}": v for n, v in own.items()}, "seconds": spent,
               "images": images, "seeds": args.seeds}  # fmt: skip
    best = evaluator.evaluator.objective
    ratios = {f"{best}.over_own": figures[best] / own[best]} if own[best] else {}
    converged = all(one.outcome is Outcome.CONVERGED for one in results)
    return {"entry": args.name, "data": args.data, **told, "figures": figures, "ratios": ratios,
            "equal_quality": converged}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("name", help="entry of the catalogue; `gensweep models` shows them")
    made.add_argument("--data", default="digits")
    made.add_argument("--preset", action="store_true", help="settings that suit digits")
    made.add_argument("--images", type=int, help="budget of each trial (300000, or the preset's)")
    made.add_argument("--seeds", type=int, default=3, help="trials, in one pack")
    made.add_argument("--set", action="append", default=[], type=setting, dest="values",
                      metavar="FIELD=VALUE", help="of the configuration")  # fmt: skip
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--picture", type=Path, help="where to draw the first trial's samples")
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    torch.set_num_threads(given.threads)
    made = main(given)
    line = {"benchmark": "entry_quality", **made, "machine": machine() | {"threads": given.threads}}
    print(json.dumps(line))
