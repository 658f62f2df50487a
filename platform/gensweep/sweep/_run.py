"""From a script to an answer: validate, start packs, show progress, report."""

import os
import sys
from collections.abc import Sequence

from gensweep.errors import UserError
from gensweep.sweep._args import Request, request
from gensweep.sweep._plan import Plan, prepare
from gensweep.sweep._sweep import Sweep


def main(description: str, sweep: Sweep, argv: Sequence[str] | None = None) -> None:
    """What a sweep script calls.

    Exit status 0; 1 if packs keep dying, 2 for bad input, 130 for Ctrl-C.
    """
    from gensweep.stack import apply_env

    try:
        apply_env()
        asked = request(description, sweep, None if argv is None else list(argv))
        plan = prepare(asked)
        print(plan.text(), flush=True)
        if not asked.dry_run:
            launch(plan.asked, plan)
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; what was saved is kept.", file=sys.stderr)
        sys.exit(130)


def launch(asked: Request, plan: Plan) -> None:
    """Run the sweep on the Ray cluster until its trials are done, then report."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own banner says nothing of trials
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # see `Interrupt`
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # see `run_packs`

    import ray

    from gensweep.storage import open_store
    from gensweep.sweep._actor import opened, start_desk
    from gensweep.sweep._desk import HOST_LOST
    from gensweep.sweep._finish import finish
    from gensweep.sweep._reference import make_judge
    from gensweep.sweep._watch import Interrupt, Watch
    from gensweep.sweep._worker import loop

    sweep = asked.sweep
    judge = make_judge(sweep, open_store(plan.store), *plan.splits)
    goal = sweep.goal(judge.evaluator.objective)
    desk = start_desk(asked, plan, goal, judge.protocol)
    from gensweep.sweep._fleet import Fleet, run_packs  # two seconds, in which the desk opens

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
