"""The end of a sweep: table, report, artifacts, and the line to type next."""

import importlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.report import Goal, build_report, in_words, rates, text_table
from gensweep.storage import MissingKeyError, StoreError, open_store
from gensweep.study import TERMINAL, SweepView, read_sweep
from gensweep.sweep._args import Request
from gensweep.sweep._best import register
from gensweep.sweep._final import remeasured, told
from gensweep.sweep._kept import grids
from gensweep.sweep._likelihood import METRICS
from gensweep.sweep._plan import Plan
from gensweep.sweep._population import copies
from gensweep.sweep._reference import real_grid
from gensweep.sweep._results import as_records, failures
from gensweep.sweep._sweep import Sweep
from gensweep.sweep._usage import in_a_line, shares
from gensweep.tracking import redact, redact_tree

Trials = list[dict[str, Any]]
TABLE_ROWS = 10
SAMPLING = {
    "tpe": "tpe, adaptive: it prefers regions that did well, so rates, intervals and best-of-k "
    "describe the trials drawn, not the space; --sampler random or qmc measures the space",
    "random": "random: independent draws from the space",
    "qmc": "qmc: spread evenly over the space",
}


BOUNDS = {"hours": "--max-hours", "images": "--max-images", "cost": "--max-cost"}
"""Why nothing more is handed out, as `Study.exhausted` says it, by the option that asked for it."""


def finish(asked: Request, plan: Plan, desk: Any, protocol: dict[str, Any], goal: Goal,
           died: str = "") -> None:  # fmt: skip
    """Print the table, write the report to the home folder, the store and the tracker.

    `died` says why packs kept dying, if they did.
    """
    import ray

    used = ray.get(desk.usage.remote())
    if bound := BOUNDS.get(ray.get(desk.exhausted.remote())):
        print(f"stopped  by {bound}; --resume with a larger one goes on")
    trials, files = answer(asked, plan, protocol, goal, used)
    lanes = {f"lanes_{kind}": share for kind, share in shares(used).items()}
    summary = summary_of(trials, goal) | lanes
    tell(asked, plan, desk, files, summary, goal.ranked(trials)[:1], died)


def answer(asked: Request, plan: Plan, protocol: dict[str, Any], goal: Goal,
           used: Mapping[str, float]) -> tuple[Trials, dict[str, bytes]]:  # fmt: skip
    """Print and keep what the ledger and the store know; a store that fails costs its part only."""
    view = read_sweep(asked.sweep.name, plan.ledger)
    trials = as_records(r for r in view.records if r.state in TERMINAL)  # others are not done
    following = redact(next_line(asked, trials))
    test = tested(plan, goal, goal.ranked(trials)[:1])
    about = {
        "protocol": protocol,
        "next": following,
        "test": test,
        "about": plan.summary(),
        "lanes": in_a_line(used),
    }
    files = written(asked, plan, view, trials, goal, about)
    local = plan.write_local(f"reports/{view.name}.html", files["report.html"])
    print(table(trials, asked.sweep.by, goal))
    if test:
        print(f"test     {told(test)}")
    if said := copies(trials):
        print(f"pbt      {said}")
    if used:
        print(f"lanes    {in_a_line(used)}")
    if view.cost:
        print(f"cost     {view.cost:,.2f}, while it ran; hosts that stay up cost on")
    print(f"report   {local}\nstored   {stored(plan, files)}")
    print(f"compare  {redact(plan.tracking_uri)} (MLflow, experiment {asked.sweep.question})")
    print(f"next     {following}", flush=True)
    return trials, files


def tested(plan: Plan, goal: Goal, best: Trials) -> dict[str, Any]:
    """The best trial's likelihood on the rest of the test split; a lost lane costs only that.

    Only trials ranked by likelihood were ranked by other examples than these.
    """
    if goal.metric not in METRICS:
        return {}
    if best and plan.test is not None:
        print("test     measuring the best trial once more, on examples that ranked none",
              flush=True)  # fmt: skip
    try:
        store = open_store(plan.store)
        return next((remeasured(plan, store, trial) for trial in best), {})
    except (UserError, LookupError) as error:
        print(f"the best trial was not measured on the test split: {redact(str(error))}")
        return {}


def written(asked: Request, plan: Plan, view: SweepView, trials: Trials, goal: Goal,
            about: dict[str, Any]) -> dict[str, bytes]:  # fmt: skip
    """The files that a sweep leaves."""
    sweep = asked.sweep
    stated = about["protocol"] | {"sampling": SAMPLING[sweep.sampler]}
    pictured = [*goal.ranked(trials)[:1], *failures(trials, goal.metric)]
    page = build_report(
        redact_tree(about | {"name": sweep.name, "protocol": stated, "seed": sweep.seed,
                             "trained": trained(sweep),
                             "versions": view.versions,
                             "answer": told(about["test"]) if about["test"] else ""}),
        trials, grids(plan.store, pictured) | {"real": real_grid(*plan.splits)},
        by=sweep.by, over=sweep.over, goal=goal, scatter_of=sweep.scatter,
    )  # fmt: skip
    text = json.dumps({"sweep": sweep.name, "test": about["test"], "trials": trials}, indent=1)
    return {"report.html": page.encode(), "trials.json": text.encode()}


def trained(sweep: Sweep) -> dict[str, str]:
    """Every hyperparameter that was not searched, and its value."""
    question = sweep.identity()
    return {**question["fixed"], **question["defaults"]}


def stored(plan: Plan, files: dict[str, bytes]) -> str:
    """Put the files into the store; where they are, or why they are not."""
    folder = f"sweeps/{plan.asked.sweep.name}"
    try:
        store = open_store(plan.store)
        for name, data in files.items():
            store.put(f"{folder}/{name}", data)
    except UserError as error:
        return f"nothing: {redact(str(error))}"
    return redact(f"{plan.store}/{folder}/")


def tell(asked: Request, plan: Plan, desk: Any, files: dict[str, bytes],
         summary: dict[str, float], best: Trials, died: str) -> None:  # fmt: skip
    """Give the tracker its copy, and say what it lost or why it lags."""
    import ray

    complete = desk.complete.remote(files, summary, died)
    if best:
        importlib.import_module("mlflow.pyfunc")  # two seconds, in which the tracker hears the rest
    if ray.get(complete):
        register_best(asked, plan, desk, best)
    if lost := ray.get(desk.tracker_loss.remote()):
        print(lost)
    ray.get(desk.close.remote())


def register_best(asked: Request, plan: Plan, desk: Any, best: Trials) -> None:
    """Register the best trial, if there is one; a tracker that fails costs only that."""
    import ray
    from mlflow.exceptions import MlflowException

    for trial in best:
        run = ray.get(desk.run_id.remote(trial["number"]))
        try:
            uri = register(asked, plan, str(run), trial)
        except (MlflowException, StoreError, MissingKeyError, OSError) as error:
            why = (redact(str(error)).splitlines() or [type(error).__name__])[0]
            print(f"the best trial was not registered: {why[:160]}")
            return
        if not uri:
            print(f"model    not registered: no installed catalogue has {asked.sweep.model.name!r} "
                  "(an entry point in the group gensweep.models adds one)")  # fmt: skip
        else:
            print(f"model    {uri}: mlflow.pyfunc.load_model(...).predict([{{'n': 64}}])")


def next_line(asked: Request, trials: Trials) -> str:
    """What to type next: the rest of a sweep that was stopped, or twice its trials."""
    ended = sum(trial["state"] in TERMINAL for trial in trials)
    line = f"{python()} {asked.script} --resume {asked.sweep.name}{asked.room}"
    if asked.sweep.max_cost is not None:  # a bound that was wanted once is wanted again
        line += f" --max-cost {2 * asked.sweep.max_cost:g}"
        price = asked.sweep.hourly_price
        line += f" --hourly-price {price:g}" if price is not None else ""
    return line if ended < asked.sweep.trials else f"{line} --trials {2 * asked.sweep.trials}"


def python() -> str:
    """What starts this Python from here, in a shell where its environment may not be active."""
    if os.environ.get("VIRTUAL_ENV"):
        return "python"
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def summary_of(trials: Trials, goal: Goal) -> dict[str, float]:
    """Counts of outcomes and the best value."""
    counts: dict[str, float] = {"trials": float(len(trials))}
    for trial in trials:
        counts[trial["outcome"]] = counts.get(trial["outcome"], 0.0) + 1
    best = goal.ranked(trials)[:1]
    return counts | {f"best_{goal.metric}": float(t["metrics"][goal.metric]) for t in best}


def table(trials: Trials, by: str | None, goal: Goal, rows: int | None = TABLE_ROWS) -> str:
    """The best trials, or what went wrong without any, then how often each `by` converged.

    At most `rows` trials, None: all that can be ranked. Rates are over trials that have ended.
    """
    over = [trial for trial in trials if trial["state"] in TERMINAL]
    if not over:
        return f"no trial has ended{_rest(trials, [])}"
    width = shutil.get_terminal_size((200, 24)).columns if sys.stdout.isatty() else 200
    return "\n\n".join(
        [
            _best(trials, goal, width, rows) or _failures(trials, goal, width),
            text_table(*rates(over, by)),
        ]
    )


def _best(trials: Trials, goal: Goal, width: int, most: int | None) -> str:
    best = goal.ranked(trials)[:most]
    names = sorted({name for trial in best for name in trial["params"]})
    rows = [[t["number"], float(t["metrics"][goal.metric]), t["outcome"],
             *(t["params"].get(n, "") for n in names)] for t in best]  # fmt: skip
    if not rows:
        return ""
    shown = text_table(["trial", goal.metric, "outcome", *names], rows, width=width)
    return shown + _rest(trials, best)


def _rest(trials: Trials, best: Trials) -> str:
    """What became of the trials that the table leaves out."""
    shown = {trial["number"] for trial in best}
    counts = Counter(trial["outcome"] for trial in trials if trial["number"] not in shown)
    told = ", ".join(f"{count} {in_words(outcome)}" for outcome, count in counts.most_common())
    return f"\nnot shown: {told}" if told else ""


def _failures(trials: Trials, goal: Goal, width: int) -> str:
    examples = failures(trials, goal.metric)
    rows = [[t["number"], t["outcome"], t["cause"]] for t in examples]
    shown = text_table(["trial", "outcome", "cause"], rows, width=width)
    return f"no trial was completed\n{shown}{_rest(trials, examples)}"
