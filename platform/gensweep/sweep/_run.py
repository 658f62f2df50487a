"""From a script to an answer: validate, start packs, show progress, report."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from gensweep.errors import UserError
from gensweep.sweep._args import Request, request
from gensweep.sweep._plan import Plan, prepare
from gensweep.sweep._sweep import Sweep

POLL_S = 5.0


def main(description: str, sweep: Sweep, argv: Sequence[str] | None = None) -> None:
    """What a sweep script calls: exit status 0, 2 for bad input, 130 for Ctrl-C."""
    from gensweep.stack import apply_env

    try:
        asked = request(description, sweep, None if argv is None else list(argv))
        apply_env()
        plan = prepare(asked)
        print(plan.text(), flush=True)
        if not asked.dry_run:
            launch(asked, plan)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost.", file=sys.stderr)
        sys.exit(130)


def launch(asked: Request, plan: Plan) -> None:
    """Run the sweep on the Ray cluster until its trials are done, then report."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own banner says nothing of trials
    import ray

    from gensweep.storage import open_store
    from gensweep.sweep._desk import start_desk
    from gensweep.sweep._finish import finish
    from gensweep.sweep._fleet import Fleet, run_packs
    from gensweep.sweep._worker import loop, make_judge

    sweep = asked.sweep
    connect()
    evaluator = make_judge(sweep, open_store(plan.store), *plan.splits).evaluator
    metric = sweep.target or evaluator.objective
    desk = start_desk(asked, plan, metric, evaluator.protocol)
    threads = 1 if asked.gpus else max(1, (os.cpu_count() or 1) // asked.packs)
    fleet = Fleet(packs=asked.packs, use_gpu=asked.gpus > 0, threads=threads,
                  storage=plan.ray_storage)  # fmt: skip
    watch = Watch(desk, sweep)
    try:
        with watch:
            run_packs(desk, sweep, fleet, loop, {"store": plan.store, "data": plan.dataset.id})
        finish(asked, plan, desk, evaluator.protocol, metric)
    except KeyboardInterrupt:
        print(f"\nstopping; go on with --resume {sweep.name}", file=sys.stderr)
        ray.get(desk.stop.remote(), timeout=30)
        raise


def connect() -> None:
    """Join the cluster that RAY_ADDRESS names or that runs here; `UserError` if there is none."""
    import ray

    try:
        ray.init(
            address=os.environ.get("RAY_ADDRESS", "auto"),
            log_to_driver=False,
            logging_level="warning",
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers ({str(error).splitlines()[0][:120]}): "
            "start one with `gensweep up`, or set RAY_ADDRESS."
        ) from None


class Watch:
    """Prints a line of progress whenever there is something new to say."""

    def __init__(self, desk: Any, sweep: Sweep):
        self._desk, self._sweep = desk, sweep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._begin = time.monotonic()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=POLL_S)

    def _poll(self) -> None:
        import ray

        last, images = "", 0
        while not self._stop.wait(POLL_S):
            summary = ray.get(self._desk.summary.remote())
            rate = (summary["images"] - images) / POLL_S
            images = summary["images"]
            line = progress_line(summary, self._sweep, rate, time.monotonic() - self._begin)
            if line != last:
                print(line, flush=True)
            last = line


def progress_line(summary: dict[str, Any], sweep: Sweep, rate: float, elapsed: float) -> str:
    """Trials by status, best so far, images per second and time left, in one line."""
    states = "  ".join(f"{n} {state}" for state, n in summary["states"].items() if n)
    best = summary["best"]
    ranked = f"best {summary['metric']} {best:.4g}" if best is not None else "no result yet"
    total = sweep.trials * sweep.budget_images
    done = min(total, summary["images"])
    left = f"{elapsed * (total - done) / done:,.0f} s left" if done else "starting"
    clock = f"{elapsed:6,.0f} s"
    return f"{clock}  {states}  |  {ranked}  |  {rate:,.0f} images/s  |  {left}"
