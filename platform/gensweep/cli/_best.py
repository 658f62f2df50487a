"""`gensweep best NAME`: the best configuration of a sweep, and what can be done with it."""

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import Any

from gensweep.json_text import json_text
from gensweep.metric import NEUTRAL
from gensweep.printable import printable

OF_NEUTRAL = "of samples without truncation and the like, by which the trial is judged"


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "best", help="the best configuration of a sweep, whole",
        description="Tell all of a sweep's best configuration: every hyperparameter, searched "
        "(marked *) or not, its metrics, seed and run in MLflow, how to sample it, and how to "
        "train it again. Best is the mean over its seeds, where there are several, and the "
        "trial in the middle stands for it.",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.results import refuse_damaged

    with refuse_damaged(args.name):
        told = _tell(args.name)
        text = json_text(told) if args.json else "\n".join(map(printable, _lines(told)))
    print(text)
    return 0


def _tell(name: str) -> dict[str, Any]:
    """Gather all of the best configuration, as plain JSON."""
    from gensweep.catalog import catalog
    from gensweep.results import best_of, read_here, whole_configuration

    snapshot = read_here(name)
    best = best_of(snapshot)
    trial = best.trial
    return {
        "sweep": name,
        "model": snapshot.spec["model"],
        "data": snapshot.spec["data"],
        "metric": snapshot.spec["objective"]["metric"],
        "value": best.value,
        "values": list(best.values),
        "seeds": best.trials,
        "trial": trial["number"],
        "outcome": trial["outcome"],
        "seed": trial["seed"],
        "images": trial["images"],
        "searched": list(trial["params"]),
        "hyperparameters": whole_configuration(snapshot, trial["params"]),
        "metrics": trial["metrics"],
        "run": _run(name, trial["number"]),
        "sample": f"gensweep sample {name}" if snapshot.spec["model"] in catalog() else "",
        "export": f"gensweep export {name} --trial {trial['number']}",
    }


def _run(name: str, number: int) -> dict[str, str] | None:
    """Look the trial's run up in MLflow; None where no server is known, or none answers."""
    from gensweep.tracking import find_run

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    found = find_run(uri, name, number) if uri else None
    return {"id": found.id, "address": found.address} if found else None


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    from gensweep.report import format_value

    yield f"trial {told['trial']} of {told['sweep']}: {told['model']} on {told['data']}"
    seeds = ""
    if told["seeds"] > 1:
        each = ", ".join(map(format_value, told["values"]))
        seeds = f", mean of {len(told['values'])} of {told['seeds']} seeds: {each}"
    yield f"{told['metric']:9} {format_value(told['value'])} ({told['outcome']}{seeds})"
    yield f"seed      {told['seed']}"
    yield f"examples  {told['images']:,}"
    yield "hyperparameters, * searched"
    for name, value in told["hyperparameters"].items():
        yield f" {'*' if name in told['searched'] else ' '} {name}={value}"
    yield f"metrics, which `gensweep models --html FOLDER` explains; {NEUTRAL}: {OF_NEUTRAL}"
    for name, value in told["metrics"].items():
        yield f"   {name} {format_value(value)}"
    if told["run"]:
        yield f"run       {told['run']['address']}"
    if told["sample"]:
        yield f"sample    {told['sample']}"
    yield f"again     {told['export']} --out best.toml"
    yield "          and --set-from best.toml after the line that runs its script"
