"""Running a planned sweep on the Ray cluster until its trials are done."""

import os
import sys

from gensweep.planning import Plan
from gensweep.spec import RunRequest


def launch(request: RunRequest, plan: Plan) -> None:
    """Run the sweep on the Ray cluster until its trials are done, then report."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own banner says nothing of trials
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # see `Interrupt`
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # see `run_packs`

    import ray

    from gensweep.coordinator import HOST_LOST, opened, start_coordinator
    from gensweep.driver._finish import finish
    from gensweep.driver._interrupt import Interrupt
    from gensweep.driver._progress import ProgressPrinter
    from gensweep.evaluation import build_evaluator
    from gensweep.storage import open_store
    from gensweep.worker import train_loop_per_worker

    sweep = request.sweep
    lane_evaluator = build_evaluator(sweep, open_store(plan.store), *plan.splits)
    objective = sweep.objective(lane_evaluator.evaluator.objective)
    coordinator = start_coordinator(request, plan, objective, lane_evaluator.protocol)
    from gensweep.driver._packs import run_packs
    from gensweep.spec import PackResources

    opened(coordinator)
    if request.resume and ray.get(coordinator.waiting.remote()) is None:
        print("nothing is left to train: every trial has ended, or a limit is reached", flush=True)
    resources = PackResources(packs=request.packs, ranks=request.ranks, use_gpu=request.gpus > 0,
                  threads=request.threads, tune_storage=plan.tune_storage,
                  train_storage=plan.train_storage)  # fmt: skip
    with Interrupt(coordinator, sweep.name) as interrupt:
        with ProgressPrinter(coordinator):
            well = run_packs(coordinator, sweep, resources, train_loop_per_worker,
                             {"store": plan.store, "data": plan.dataset.id,
                              "features": lane_evaluator.protocol.get("feature_hash")})  # fmt: skip
        died = "" if well else ray.get(coordinator.summary.remote())["notes"][-1]
        finish(request, plan, coordinator, lane_evaluator.protocol, objective, died)
    if interrupt.request:
        raise KeyboardInterrupt
    if died:
        where = f"{plan.store}/sweeps/{sweep.name}/trials/*/traceback.txt"
        if died.endswith(HOST_LOST):
            where = "the logs of the hosts, whose memory may be too small"
        print(f"error: packs keep dying, {died}: see {where}, then --resume {sweep.name}",
              file=sys.stderr)  # fmt: skip
        sys.exit(1)
