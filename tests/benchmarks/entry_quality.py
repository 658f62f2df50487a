"""How good an entry of the catalogue gets in minutes, beside the data's own score.

    python tests/benchmarks/entry_quality.py NAME [--preset] [--data digits] [--images 300000]
        [--seeds 3] [--set FIELD=VALUE ...] [--threads 1] [--picture FILE.png] [--test]

One pack of `--seeds` trials with the entry's defaults, or with its `--preset` for the data, but for
what is set, is trained in this process and evaluated as a sweep evaluates its trials. Of the same
metrics, `untrained.*` are those of the first trial before training: what training starts from.
`own.*` are those of as many real training examples: what a perfect model would score.
With `--test`, `test.*` is the likelihood of the first trial on the test examples that rank no trial
of a sweep, as a sweep tells it of its best one; `test_protocol` says how.
`equal_quality`: every trial converged.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from machine import machine

from gensweep.catalog import model_named
from gensweep.cli._check import setting
from gensweep.data import load_dataset
from gensweep.evaluation import (
    Evaluation,
    LaneEvaluator,
    TestResult,
    build_evaluator,
    draw_examples,
    evaluate_on_test,
)
from gensweep.lanes import Pack
from gensweep.sampling_fields import sampling_fields
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep.trial import Outcome
from gensweep_models.game import Preset

Data = Any
SEGMENTS = 10
"""Parts of the training, after each of which progress is told."""


def sweep_of(model: Any, data: str, values: Mapping[str, Any]) -> Sweep:
    """Make a sweep that evaluates; what it searches is not used, for a configuration trains."""
    searched = "learning_rate" if "learning_rate" in model.space else next(iter(model.space))
    fixed = {name: value for name, value in values.items() if name != searched}
    space = {searched: model.space[searched]}
    no_curves = {one.name: () for one in sampling_fields(model.config) if one.grid}
    return Sweep(name="quality", model=model, space=space, data=data, fixed=fixed,
                 sampling_grids=no_curves)  # fmt: skip


def trained(model: Any, data: Data, config: Any, images: int, seeds: Sequence[int]) -> Pack:
    """Train a pack of a lane for each seed, to the end of their budget."""
    pack = Pack(model, config, data, data.source("cpu"), width=len(seeds))
    for slot, seed in enumerate(seeds):
        pack.load(slot, config, seed=seed, budget_images=images)
    ticks = -(-images // config.batch_size)
    while any(pack.lane(slot).remaining for slot in pack.occupied):
        found = pack.run(-(-ticks // SEGMENTS))
        first = found[0]
        told = ", ".join(f"{name} {value:.3g}" for name, value in first.metrics.items())
        print(f"{first.images_seen:,} images: {first.cause or told}", file=sys.stderr)
    return pack


def untrained_scores(
    model: Any, data: Data, config: Any, evaluator: LaneEvaluator
) -> Mapping[str, float]:
    """Measure a trial of seed 0 before its first tick.

    Its budget is large enough for players that learn in a part of it.
    """
    pack = Pack(model, config, data, data.source("cpu"), width=1)
    pack.load(0, config, seed=0, budget_images=1000 * config.batch_size)
    ((_, found),) = evaluator.evaluate(pack, {0: False}, bound=False)
    return found.metrics


def own_scores(
    evaluator: LaneEvaluator, data: Data, wanted: Collection[str] | None = None
) -> dict[str, float]:
    """Measure real training examples as if a model had drawn them."""
    count = evaluator.evaluator.samples
    drawn = draw_examples(data, count)
    rows = torch.arange(count) % len(drawn["x"])
    samples, y = drawn["x"][rows], drawn.get("y")
    labels = None if y is None else y[rows]
    return evaluator.evaluator.evaluate(samples[None], wanted, given=labels)[0]


def tested(sweep: Sweep, splits: Sequence[Data], config: Any, pack: Pack) -> TestResult:
    """Measure the first trial on test examples; ends the program where there is no likelihood."""
    params = {name: getattr(config, name) for name in sweep.space}
    found = evaluate_on_test(sweep, splits[0], splits[1], 0, params, pack.take(0).to_bytes())
    if found is None:
        sys.exit(f"{sweep.model.name} has no likelihood of {splits[0].name}: leave --test out.")
    return found


def summary(results: list[Evaluation]) -> dict[str, float]:
    """Return mean and standard deviation over seeds of each metric that all of them have."""
    names = set.intersection(*(set(one.metrics) for one in results))
    figures: dict[str, float] = {}
    for name in sorted(names):
        values = [one.metrics[name] for one in results]
        figures[name] = mean(values)
        figures[f"{name}.sd"] = stdev(values) if len(values) > 1 else 0.0
    return figures


def preset_of(model: Any, data: str) -> Preset:
    """Return an entry's preset for a data set; ends the program if there is none."""
    if data not in model.presets:
        have = ", ".join(model.presets) or "no data set"
        sys.exit(f"{model.name} has no preset for {data}, but for {have}: leave --preset out.")
    return model.presets[data]


def asked(args: argparse.Namespace) -> tuple[Sweep, dict[str, Any], int]:
    """Return the sweep that evaluates, the settings of the pack's configuration, and its budget."""
    model: Any = model_named(args.name)
    preset = preset_of(model, args.data) if args.preset else Preset()
    values = {**preset.settings, **dict(args.values)}
    return sweep_of(model, args.data, values), values, args.images or preset.images


def main(args: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return measured(args, open_store(Path(folder).as_uri()))


def measured(args: argparse.Namespace, store: ObjectStore, *, last: bool = True) -> dict[str, Any]:
    """Train and evaluate; the store keeps the data and what evaluates it for the next entry.

    `last`: as trials that end, with their likelihood and curves, and not as those at a rung.
    """
    sweep, values, images = asked(args)
    model: Any = sweep.model
    config = model.config(**values)
    splits = [load_dataset(args.data, store, split=split) for split in ("train", "test")]
    evaluator = build_evaluator(sweep, store, *splits)
    begin = time.perf_counter()
    pack = trained(model, splits[0], config, images, range(args.seeds))
    spent = time.perf_counter() - begin
    found = dict(evaluator.evaluate(pack, dict.fromkeys(pack.occupied, last), bound=last))
    beside = {"untrained": untrained_scores(model, splits[0], config, evaluator),
              "own": own_scores(evaluator, splits[0])}  # fmt: skip
    if args.picture:
        args.picture.write_bytes(found[0].png)
    results = list(found.values())
    told = {"outcomes": [str(one.outcome) for one in results], "settings": values}
    if args.test:
        found_on_test = tested(sweep, splits, config, pack)
        beside["test"] = found_on_test.metrics
        told["test_protocol"] = found_on_test.protocol
    others = {f"{who}.{name}": one for who, of in beside.items() for name, one in of.items()}
    figures = {**summary(results), **others, "seconds": spent, "images": images,
               "seeds": args.seeds}  # fmt: skip
    best, own = evaluator.evaluator.objective, beside["own"]
    # a trial whose samples are not finite has no distance
    known = own[best] and best in figures
    ratios = {f"{best}.over_own": figures[best] / own[best]} if known else {}
    converged = all(one.outcome is Outcome.CONVERGED for one in results)
    return {"entry": args.name, "data": args.data, **told, "figures": figures, "ratios": ratios,
            "equal_quality": converged}  # fmt: skip


def add_trial(made: argparse.ArgumentParser) -> None:
    """Add what says how an entry is trained."""
    made.add_argument("name", help="entry of the catalogue; `gensweep models` shows them")
    made.add_argument("--data", default="digits")
    made.add_argument("--preset", action="store_true", help="settings that suit the data")
    made.add_argument("--images", type=int, help="budget of each trial (300000, or the preset's)")
    made.add_argument("--set", action="append", default=[], type=setting, dest="values",
                      metavar="FIELD=VALUE", help="of the configuration")  # fmt: skip
    made.add_argument("--threads", type=int, default=1)


def trial_parser(description: str | None) -> argparse.ArgumentParser:
    """Make the parser of a benchmark of one trial."""
    made = argparse.ArgumentParser(description=description)
    add_trial(made)
    return made


def print_figures(
    benchmark: str,
    parser: argparse.ArgumentParser,
    measured: Callable[[argparse.Namespace, ObjectStore], Mapping[str, float]],
) -> None:
    """Print the line of a benchmark of one trial, whose data are kept while it runs."""
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(given, open_store(Path(folder).as_uri()))
    line = {"benchmark": benchmark, "entry": given.name, "figures": figures,
            "machine": machine() | {"threads": given.threads}}  # fmt: skip
    print(json.dumps(line))


def parser() -> argparse.ArgumentParser:
    made = trial_parser(__doc__)
    made.add_argument("--seeds", type=int, default=3, help="trials, in one pack")
    made.add_argument("--test", action="store_true", help="the likelihood of test examples too")
    made.add_argument("--picture", type=Path, help="where to draw the first trial's samples")
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    torch.set_num_threads(given.threads)
    made = main(given)
    line = {"benchmark": "entry_quality", **made, "machine": machine() | {"threads": given.threads}}
    print(json.dumps(line))
