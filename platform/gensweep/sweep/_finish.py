"""The end of a sweep: table, report, artifacts, and the line to type next."""

import json
from typing import Any

from gensweep.report import build_report, text_table, wilson
from gensweep.storage import MissingKeyError, StoreError, open_store
from gensweep.study import TERMINAL
from gensweep.sweep._args import Request
from gensweep.sweep._best import register
from gensweep.sweep._plan import Plan
from gensweep.sweep._results import as_records, failures, ranked

TABLE_ROWS = 10
SAMPLING = {
    "tpe": "tpe, adaptive: it prefers regions that did well, so rates, intervals and best-of-k "
    "describe the trials drawn, not the space; --sampler random or qmc measures the space",
    "random": "random: independent draws from the space",
    "qmc": "qmc: spread evenly over the space",
}


def finish(asked: Request, plan: Plan, desk: Any, protocol: dict[str, Any], metric: str) -> None:
    """Print the table, write the report to the store, the tracker and the home folder."""
    import ray

    sweep = asked.sweep
    store = open_store(plan.store)
    records = [r for r in ray.get(desk.records.remote()) if r.state in TERMINAL]
    trials = collect(store, sweep.name, records)  # the others are no failures, only not done
    shown = [*ranked(trials, metric)[:1], *failures(trials)]
    images = {str(t["number"]): png for t in shown if (png := grid_of(store, sweep.name, t))}
    following = next_line(asked, trials)
    stated = protocol | {"sampling": SAMPLING[sweep.sampler]}
    page = build_report(
        {"name": sweep.name, "protocol": stated, "seed": sweep.seed, "next": following},
        trials, images, by=sweep.by, over=sweep.over, metric=metric, scatter_of=sweep.scatter,
    )  # fmt: skip
    text = json.dumps({"sweep": sweep.name, "trials": trials}, indent=1)
    files = {"report.html": page.encode(), "trials.json": text.encode()}
    for name, data in files.items():
        store.put(f"sweeps/{sweep.name}/{name}", data)
    local = plan.write_local(f"reports/{sweep.name}.html", files["report.html"])
    print(table(trials, sweep.by, metric))
    print(f"report   {local}\nstored   {plan.store}/sweeps/{sweep.name}/")
    print(f"compare  {plan.tracking_uri}\nnext     {following}", flush=True)
    if ray.get(desk.complete.remote(files, summary_of(trials, metric))):
        register_best(asked, plan, desk, ranked(trials, metric)[:1])
    else:
        print("the tracker has not taken everything yet: the rest waits in the spool for --resume.")
    ray.get(desk.close.remote())


def register_best(asked: Request, plan: Plan, desk: Any, best: list[dict[str, Any]]) -> None:
    """Register the best trial, if there is one; a tracker that fails costs only that."""
    import ray
    from mlflow.exceptions import MlflowException

    for trial in best:
        run = ray.get(desk.run_id.remote(trial["number"]))
        try:
            uri = register(asked, plan, str(run), trial)
        except (MlflowException, StoreError, MissingKeyError, OSError) as error:
            print(f"the best trial was not registered: {str(error).splitlines()[0][:160]}")
            return
        if uri:
            print(f"model    {uri}: mlflow.pyfunc.load_model(...).predict([{{'n': 64}}])")


def next_line(asked: Request, trials: list[dict[str, Any]]) -> str:
    """What to type next: the rest of a sweep that was stopped, or twice its trials."""
    ended = sum(trial["state"] in TERMINAL for trial in trials)
    line = f"python {asked.script} --resume {asked.sweep.name}"
    return line if ended < asked.sweep.trials else f"{line} --trials {2 * asked.sweep.trials}"


def collect(store: Any, name: str, records: Any) -> list[dict[str, Any]]:
    """The study's records with the verdicts that were stored beside each trial."""
    judged = {}
    for key in store.list(f"sweeps/{name}/trials/"):
        if key.endswith("/result.json"):
            result = json.loads(store.get(key))
            judged[int(result["number"])] = result
    return as_records(records, judged)


def grid_of(store: Any, name: str, trial: dict[str, Any]) -> bytes:
    """The trial's last sample grid, empty if it has none."""
    key = f"sweeps/{name}/trials/{trial['number']:04d}/samples.png"
    return bytes(store.get(key)) if store.exists(key) else b""


def summary_of(trials: list[dict[str, Any]], metric: str) -> dict[str, float]:
    """Counts of outcomes and the best value."""
    counts: dict[str, float] = {"trials": float(len(trials))}
    for trial in trials:
        counts[trial["outcome"]] = counts.get(trial["outcome"], 0.0) + 1
    best = ranked(trials, metric)
    return counts | ({f"best_{metric}": float(best[0]["metrics"][metric])} if best else {})


def table(trials: list[dict[str, Any]], by: str | None, metric: str) -> str:
    """The best trials, then how often each value of `by` converged."""
    best = ranked(trials, metric)[:TABLE_ROWS]
    names = sorted({name for trial in best for name in trial["params"]})
    head = ["trial", metric, "outcome", *names]
    rows = [[t["number"], float(t["metrics"][metric]), t["outcome"],
             *(t["params"].get(n, "") for n in names)] for t in best]  # fmt: skip
    parts = [text_table(head, rows, width=120)] if rows else ["no trial was completed"]
    if by:
        parts.append(rates(trials, by))
    return "\n\n".join(parts)


def rates(trials: list[dict[str, Any]], by: str) -> str:
    """Success rates with 95 % Wilson intervals."""
    rows: list[list[object]] = []
    for value in sorted({str(t["params"].get(by)) for t in trials}):
        own = [t for t in trials if str(t["params"].get(by)) == value]
        good = sum(t["outcome"] == "converged" for t in own)
        low, high = wilson(good, len(own))
        rows.append([value, len(own), good, f"{good / len(own):.0%}", f"{low:.0%} to {high:.0%}"])
    return text_table([by, "trials", "converged", "rate", "95 % interval"], rows)
