"""The end of a sweep: table, report, artifacts, and the line to type next."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gensweep.driver._next_command import next_line
from gensweep.driver._register import register_best
from gensweep.driver._report_files import stored, written
from gensweep.errors import UserError
from gensweep.evaluation import evaluate_on_test, told
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.objective import Objective
from gensweep.planning import Plan
from gensweep.results import results_table, trial_views
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.study import read_sweep
from gensweep.tracking import redact
from gensweep.trial import LINEAGE, TrialView
from gensweep.worker import in_a_line, shares

BOUNDS = {"hours": "--max-hours", "images": "--max-images", "cost": "--max-cost"}
"""Why nothing more is handed out, as `Study.exhausted` says it, by the option that asked for it."""


def finish(
    request: RunRequest,
    plan: Plan,
    coordinator: Any,
    protocol: dict[str, Any],
    objective: Objective,
    died: str = "",
) -> None:
    """Print the table, write the report to the home folder, the store and the tracker.

    `died` says why packs kept dying, if they did.
    """
    import ray

    used = ray.get(coordinator.usage.remote())
    if bound := BOUNDS.get(ray.get(coordinator.exhausted.remote())):
        print(f"stopped  by {bound}; --resume with a larger one goes on")
    trials, files = answer(request, plan, protocol, objective, used)
    lanes = {f"lanes_{kind}": share for kind, share in shares(used).items()}
    summary = summary_of(trials, objective) | lanes
    tell(request, plan, coordinator, files, summary, objective.ranked(trials)[:1], died)


def answer(request: RunRequest, plan: Plan, protocol: dict[str, Any], objective: Objective,
           used: Mapping[str, float]) -> tuple[list[TrialView], dict[str, bytes]]:  # fmt: skip
    """Print and keep what the ledger and the store know; a store that fails costs its part only."""
    view = read_sweep(request.sweep.name, plan.ledger)
    trials = trial_views(r for r in view.records if r.state.ended)  # others are not done
    following = redact(next_line(request, trials))
    test = tested(plan, objective, objective.ranked(trials)[:1])
    about = {
        "protocol": protocol,
        "next": following,
        "test": test,
        "about": plan.summary(),
        "lanes": in_a_line(used),
    }
    files = written(request, plan, view, trials, objective, about)
    local = plan.write_local(f"reports/{view.name}.html", files["report.html"])
    print(results_table(trials, request.sweep.group_by, objective))
    if test:
        print(f"test     {told(test)}")
    if said := copies(trials):
        print(f"pbt      {said}")
    if used:
        print(f"lanes    {in_a_line(used)}")
    if view.cost:
        print(f"cost     {view.cost:,.2f}, while it ran; hosts that stay up cost on")
    print(f"report   {local}\nstored   {stored(plan, files)}")
    print(f"compare  {redact(plan.tracking_uri)} (MLflow, experiment {request.sweep.question})")
    print(f"next     {following}", flush=True)
    return trials, files


def tested(plan: Plan, objective: Objective, best: Sequence[TrialView]) -> dict[str, Any]:
    """The best trial's likelihood on the rest of the test split; a lost lane costs only that.

    Only trials ranked by likelihood were ranked by other examples than these.
    """
    if objective.metric not in LIKELIHOOD_METRICS:
        return {}
    if best and plan.test is not None:
        print("test     measuring the best trial once more, on examples that ranked none",
              flush=True)  # fmt: skip
    try:
        store = open_store(plan.store)
        return next((evaluate_on_test(plan, store, trial) for trial in best), {})
    except (UserError, LookupError) as error:
        print(f"the best trial was not measured on the test split: {redact(str(error))}")
        return {}


def tell(request: RunRequest, plan: Plan, coordinator: Any, files: dict[str, bytes],
         summary: dict[str, float], best: Sequence[TrialView], died: str) -> None:  # fmt: skip
    """Give the tracker its copy, and say what it lost or why it lags."""
    import ray

    complete = coordinator.complete.remote(files, summary, died)
    if best:
        importlib.import_module("mlflow.pyfunc")  # two seconds, in which the tracker hears the rest
    if ray.get(complete):
        register_best(request, plan, coordinator, best)
    if lost := ray.get(coordinator.tracker_loss.remote()):
        print(lost)
    ray.get(coordinator.close.remote())


def summary_of(trials: Sequence[TrialView], objective: Objective) -> dict[str, float]:
    """Counts of outcomes and the best value."""
    counts: dict[str, float] = {"trials": float(len(trials))}
    for trial in trials:
        counts[trial["outcome"]] = counts.get(trial["outcome"], 0.0) + 1
    best = objective.ranked(trials)[:1]
    return counts | {
        f"best_{objective.metric}": float(t["metrics"][objective.metric]) for t in best
    }


def copies(trials: Iterable[TrialView]) -> str:
    """How many there were, in a line; empty if there were none."""
    found = [len(trial[LINEAGE]) for trial in trials if trial.get(LINEAGE)]
    if not found:
        return ""
    return (f"{len(found)} trials took over others' states, {sum(found)} times in all; tables show "
            "values that they began with, the report and --json of results the later")  # fmt: skip
