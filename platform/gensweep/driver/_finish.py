"""Ends a sweep: prints the table, keeps the report, and tells what to type next."""

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gensweep.budget import StopReason
from gensweep.coordinator import RemoteCoordinator, SweepCoordinator
from gensweep.driver._next_command import next_command
from gensweep.driver._register_best import register_best
from gensweep.driver._report_files import (
    ReportFacts,
    build_files,
    keep_pictures,
    report_of,
    store_files,
)
from gensweep.errors import UserError
from gensweep.evaluation import Floor, TestResult, draw_pictures, evaluate_on_test
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.known_pictures import offered_pictures
from gensweep.objective import Objective
from gensweep.patience import OUTAGE_S
from gensweep.planning import Plan
from gensweep.printable import printable
from gensweep.redact import redact
from gensweep.results import results_table, trial_views
from gensweep.storage import load_trained_lane
from gensweep.study import read_sweep
from gensweep.trial import LINEAGE, TrialView
from gensweep.worker import shares, shares_text

_log = logging.getLogger(__name__)
TRACKER_S = 15.0
"""The tracker hears the end of a sweep within less, if it answers."""


def finish(
    plan: Plan,
    coordinator: RemoteCoordinator,
    protocol: Mapping[str, object],
    objective: Objective,
    floor: Floor | None,
    error: str = "",
) -> None:
    """Print the table; write the report to the home folder, the store and the tracker.

    `floor` is what real examples score. `error` says why packs kept dying; empty if they did not.
    """
    usage = coordinator.ask(SweepCoordinator.usage)
    reason = coordinator.ask(SweepCoordinator.stop_reason)
    if reason not in (None, StopReason.TRIALS) and reason.field is not None:
        option = f"--{reason.field.replace('_', '-')}"
        print(f"stopped  by {option}; --resume with a larger one goes on")
    link = coordinator.ask(SweepCoordinator.view_link)
    trials, files = print_answer(
        plan,
        protocol,
        objective,
        usage,
        floor,
        link,
        lambda report: coordinator.ask(SweepCoordinator.keep_report, report),
    )
    lanes = {f"lanes_{kind}": share for kind, share in shares(usage).items()}
    figures = summary_metrics(trials, objective) | lanes
    _complete(plan, coordinator, files, figures, objective.ranked(trials)[:1], error)


def print_answer(
    plan: Plan,
    protocol: Mapping[str, object],
    objective: Objective,
    usage: Mapping[str, float],
    floor: Floor | None = None,
    link: str | None = None,
    keep: Callable[[Mapping[str, Any]], object] | None = None,
) -> tuple[list[TrialView], dict[str, bytes]]:
    """Print and keep what the ledger and the store know; return the ended trials and the files.

    A store that fails costs only its part. `floor` is what real examples score, `link` opens the
    sweep in the tracker's UI, and `keep` is given what the report states besides trials, for the
    ledger.
    """
    sweep = plan.request.sweep
    snapshot = read_sweep(sweep.name, plan.ledger)
    trials = trial_views(r for r in snapshot.records if r.state.ended)
    command = redact(next_command(plan.request, trials, snapshot.planned))
    best = objective.ranked(trials)[:1]
    test, pictures = _look_at_best(plan, objective, best)
    facts = ReportFacts(
        protocol=protocol, next_command=command, test=test, usage=shares_text(usage),
        pictures=pictures, floor=floor.text(objective.metric) if floor else "",
        floor_metrics=floor.metrics if floor else {},
    )  # fmt: skip
    report = report_of(plan, trials, facts, keep_pictures(plan, pictures))
    if keep is not None:
        keep(report.as_json())
    files = build_files(plan, snapshot, trials, objective, report, facts)
    local = plan.write_local(f"reports/{sweep.name}.html", files["report.html"])
    print(results_table(trials, sweep.group_by, objective, map_axis=sweep.map_axis,
                        floor=facts.floor_metrics,
                        more=f"`gensweep results {sweep.name}` has more"))  # fmt: skip
    _print_labelled({
        "floor": facts.floor,
        "test": test.text() if test else "",
        "pbt": _copies_text(trials),
        "lanes": facts.usage,
        "cost": _cost_text(snapshot.cost),
        "report": local,
        "stored": store_files(plan, files),
        "compare": _compare_text(plan, link),
        "next": command,
    })  # fmt: skip
    return trials, files


def _print_labelled(told: Mapping[str, object]) -> None:
    for label, text in told.items():
        if text:
            print(f"{label:8} {printable(str(text))}", flush=True)


def _compare_text(plan: Plan, link: str | None) -> str:
    """Say where trials are compared; `link` is None where MLflow has not taken the sweep yet."""
    question = plan.request.sweep.question
    return f"{link or redact(plan.tracking_uri)} (MLflow, experiment {question})"


def _cost_text(cost: float) -> str:
    return f"{cost:,.2f}, while it ran; hosts that stay up cost on" if cost else ""


def _look_at_best(
    plan: Plan, objective: Objective, best: Sequence[TrialView]
) -> tuple[TestResult | None, dict[str, bytes]]:
    """Measure and draw the best trial on examples that ranked none; a lost lane costs only that.

    Its likelihood is measured on the rest of the test split, if that makes sense: only trials
    ranked by likelihood were ranked by other examples than these.
    """
    sweep, test, pictures = plan.request.sweep, None, dict[str, bytes]()
    is_measured = objective.metric in LIKELIHOOD_METRICS and bool(plan.test and plan.test.count)
    if not best:
        return test, pictures
    (trial,) = best
    config = sweep.config(trial["params"])
    game = sweep.model.game(config, plan.dataset)
    is_drawn = bool(offered_pictures(game, plan.dataset, config))
    if not (is_measured or is_drawn):
        return test, pictures
    try:
        store = plan.open_store()
        lane = load_trained_lane(store, trial)
        if is_measured:
            _log.info("measuring the best trial once more, on test examples that ranked none")
            test = evaluate_on_test(sweep, *plan.splits, trial["number"], trial["params"], lane)
        if is_drawn:
            pictures = draw_pictures(sweep, plan.splits, store, trial["params"], lane)
    except (UserError, LookupError) as error:
        _log.warning("the best trial was not looked at again: %s", redact(str(error)))
    return test, pictures


def _complete(
    plan: Plan,
    coordinator: RemoteCoordinator,
    files: Mapping[str, bytes],
    figures: Mapping[str, float],
    best: Sequence[TrialView],
    error: str,
) -> None:
    """Give the tracker its copy, register the best trial, and say what was lost or lags."""
    completion = coordinator.begin(SweepCoordinator.complete, files, figures, error)
    if best:
        importlib.import_module("mlflow.pyfunc")  # two seconds, in which the tracker hears the rest
    try:
        is_complete = completion.answer(TRACKER_S)
    except TimeoutError:
        _log.warning("waiting for the tracker to take the rest, for up to %.0f s", OUTAGE_S)
        is_complete = completion.answer()
    if is_complete:
        register_best(plan, coordinator, best)
    if loss := coordinator.ask(SweepCoordinator.tracker_loss):
        _log.warning("%s", loss)
    coordinator.ask(SweepCoordinator.close)


def summary_metrics(trials: Sequence[TrialView], objective: Objective) -> dict[str, float]:
    """Count outcomes, and take the best configuration's mean, for the sweep's own run."""
    counts: dict[str, float] = {"trials": float(len(trials))}
    for trial in trials:
        counts[trial["outcome"]] = counts.get(trial["outcome"], 0.0) + 1
    metric = objective.metric
    best = objective.configurations(trials)[:1]
    return counts | {f"best_{metric}": objective.sign * one.mean for one in best}


def _copies_text(trials: Iterable[TrialView]) -> str:
    """Count the copies of population-based training; empty if there were none."""
    copies = [len(trial[LINEAGE]) for trial in trials if trial.get(LINEAGE)]
    if not copies:
        return ""
    return (
        f"{len(copies)} trials took over others' states, {sum(copies)} times in all; tables show "
        "values that they began with, the report and --json of results the later"
    )
