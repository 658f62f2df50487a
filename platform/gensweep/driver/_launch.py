"""Runs a planned sweep on the Ray cluster until its trials are done, then reports."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from gensweep.cluster import disconnect
from gensweep.evaluation import LaneEvaluator
from gensweep.log import print_error
from gensweep.planning import Plan
from gensweep.redact import redact
from gensweep.spec import PackResources, RunRequest

if TYPE_CHECKING:
    from gensweep.coordinator import RemoteCoordinator
    from gensweep.worker import WorkerSettings

_log = logging.getLogger(__name__)


def launch(plan: Plan) -> None:
    """Start the coordinator, run packs until no trial is left, and report.

    Exits with 1 if packs keep dying; raises `KeyboardInterrupt` at the end if the user stopped it.
    """
    _set_tune_environment()
    from gensweep.coordinator import CoordinatorLostError, SweepCoordinator, start_coordinator
    from gensweep.driver._finish import finish
    from gensweep.driver._interrupt import Interrupt
    from gensweep.driver._next_command import next_command
    from gensweep.driver._progress_lines import ProgressPrinter
    from gensweep.driver._recorded_driver import recorded_driver
    from gensweep.driver._report_files import first_report
    from gensweep.evaluation import measure_floor

    request, sweep = plan.request, plan.request.sweep
    evaluator = _build_evaluator(plan)
    objective = sweep.objective(evaluator.evaluator.objective)
    coordinator = start_coordinator(plan.run_context(), objective, evaluator.protocol)
    from gensweep.driver._run_packs import run_packs  # takes two seconds, in which the study opens

    coordinator.wait_until_open()
    command = redact(next_command(request, ()))
    try:
        with recorded_driver(plan, command), Interrupt(coordinator, command) as interrupt:
            if not request.resume:  # a resumed sweep has told more already
                report = first_report(plan, evaluator.protocol).as_json()
                coordinator.ask(SweepCoordinator.keep_report, report)
            elif coordinator.ask(SweepCoordinator.has_waiting_trials) is None:
                _log.info("nothing is left to train: every trial has ended, or a limit is reached")
            with ProgressPrinter(coordinator):
                settings = _worker_settings(plan, coordinator, evaluator)
                is_done = run_packs(coordinator, settings)
            death = coordinator.ask(SweepCoordinator.summary).last_death
            error = "" if is_done else f"a pack died of {death}"
            floor = measure_floor(evaluator, plan.dataset)
            finish(plan, coordinator, evaluator.protocol, objective, floor, error)
    except CoordinatorLostError as lost:
        _exit_with(str(lost))
    if interrupt.is_asked:
        raise KeyboardInterrupt("interrupted; what was saved is kept, and `next` goes on with it")
    if error:
        _exit_with(_where_packs_died(plan, error))


def _build_evaluator(plan: Plan) -> LaneEvaluator:
    """Build what measures lanes; that of a resumed sweep measures and judges as it did before."""
    from gensweep.evaluation import build_evaluator

    sweep, resume = plan.request.sweep, plan.request.resume
    begun = _protocol_of_begun(plan) if resume else {}
    # The file of a feature network may be gone by now; a network of ours is made of the data.
    used = begun.get("feature_hash") if sweep.features else None
    evaluator = build_evaluator(sweep, plan.open_store(), *plan.splits, feature_hash=used)
    return evaluator.judging_by(begun.get("bounds", {})) if resume else evaluator


def _protocol_of_begun(plan: Plan) -> Mapping[str, Any]:
    """Return how a resumed sweep measures and judges samples; empty if it does not say."""
    from gensweep.study import read_sweep

    return read_sweep(plan.request.sweep.name, plan.ledger).protocol


def _set_tune_environment() -> None:
    """Tell Tune, which reads its environment on import, what ours does in its place."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # its own banner says nothing of trials
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # see `Interrupt`
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # see `run_packs`
    # On a busy machine a step of its loop is slow, which no user can mend.
    os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "60")
    # Nobody reads what Tune keeps of its own state, for the ledger says what goes on. A sweep that
    # ends within the second in which Tune copies it, would show its traceback of a file renamed.
    logging.getLogger("ray.tune.execution.experiment_state").setLevel(logging.CRITICAL)
    # We tell in a line of what a pack died; its traceback is in the store, and in Ray's logs.
    logging.getLogger("ray.tune.execution.tune_controller").setLevel(logging.CRITICAL)


def _worker_settings(
    plan: Plan, coordinator: "RemoteCoordinator", evaluator: LaneEvaluator
) -> "WorkerSettings":
    from gensweep.worker import WorkerSettings

    return WorkerSettings(
        coordinator=coordinator.actor,
        sweep=plan.request.sweep,
        resources=_pack_resources(plan, plan.request),
        store=plan.store,
        data=plan.dataset.id,
        feature_hash=evaluator.evaluator.reference.feature_hash,
        bounds=evaluator.bounds,
        verbosity=plan.request.verbosity,
    )


def _pack_resources(plan: Plan, request: RunRequest) -> PackResources:
    return PackResources(
        packs=request.packs, ranks=request.ranks, use_gpu=request.gpus > 0,
        threads=request.threads, tune_storage=plan.tune_storage, train_storage=plan.train_storage,
    )  # fmt: skip


def _where_packs_died(plan: Plan, error: str) -> str:
    """Say of what packs keep dying and where to look."""
    from gensweep.coordinator import HOST_LOST

    name = plan.request.sweep.name
    where = f"{plan.store}/sweeps/{name}/trials/*/traceback.txt"
    if error.endswith(HOST_LOST):
        where = "the logs of the hosts, whose memory may be too small"
    return f"packs keep dying, {error}: see {where}, then --resume {name}"


def _exit_with(message: str) -> NoReturn:
    """End the process with 1; the message is the last line."""
    disconnect()
    print_error(message)
    sys.exit(1)
