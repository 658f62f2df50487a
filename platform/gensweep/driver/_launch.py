"""Running a planned sweep on the Ray cluster until its trials are done."""

import os
import sys

from gensweep.planning import Plan
from gensweep.spec import Request


def launch(asked: Request, plan: Plan) -> None:
    """Run the sweep on the Ray cluster until its trials are done, then report."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own banner says nothing of trials
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # see `Interrupt`
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # see `run_packs`

    import ray

    from gensweep.coordinator import HOST_LOST, opened, start_desk
    from gensweep.driver._finish import finish
    from gensweep.driver._interrupt import Interrupt
    from gensweep.driver._progress import Watch
    from gensweep.evaluation import make_judge
    from gensweep.storage import open_store
    from gensweep.worker import loop

    sweep = asked.sweep
    judge = make_judge(sweep, open_store(plan.store), *plan.splits)
    goal = sweep.goal(judge.evaluator.objective)
    desk = start_desk(asked, plan, goal, judge.protocol)
    from gensweep.driver._packs import run_packs
    from gensweep.spec import Fleet

    opened(desk)
    if asked.resume and ray.get(desk.waiting.remote()) is None:
        print("nothing is left to train: every trial has ended, or a limit is reached", flush=True)
    fleet = Fleet(packs=asked.packs, ranks=asked.ranks, use_gpu=asked.gpus > 0,
                  threads=asked.threads, tune_storage=plan.tune_storage,
                  train_storage=plan.train_storage)  # fmt: skip
    with Interrupt(desk, sweep.name) as interrupt:
        with Watch(desk):
            well = run_packs(desk, sweep, fleet, loop,
                             {"store": plan.store, "data": plan.dataset.id,
                              "features": judge.protocol.get("feature_hash")})  # fmt: skip
        died = "" if well else ray.get(desk.summary.remote())["notes"][-1]
        finish(asked, plan, desk, judge.protocol, goal, died)
    if interrupt.asked:
        raise KeyboardInterrupt
    if died:
        where = f"{plan.store}/sweeps/{sweep.name}/trials/*/traceback.txt"
        if died.endswith(HOST_LOST):
            where = "the logs of the hosts, whose memory may be too small"
        print(f"error: packs keep dying, {died}: see {where}, then --resume {sweep.name}",
              file=sys.stderr)  # fmt: skip
        sys.exit(1)
