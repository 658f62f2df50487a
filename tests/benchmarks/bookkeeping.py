"""What 10,000 trials cost beside their training: study, pruning, leases, store and tracking.

    gensweep up && python tests/benchmarks/bookkeeping.py [--trials 10000] [--tpe-trials 2000]

Two packs of 32 lanes lease, report at three rungs and finish trials whose training does nothing;
everything else is a sweep's own coordinator with its ledger and tracker. Nothing is stored, as
there are no weights. Equal quality: every trial is in the ledger with its last word.
`seconds` is until the last trial has ended; the tracker's spool drains behind it, and the server
has `tracked` trials by then. `tpe.*` are of fewer trials drawn by TPE, whose cost grows with the
history that it is shown, up to a bound.
"""

import argparse
import itertools
import json
import os
import random
import resource
import tempfile
import time

from machine import machine

from gensweep.coordinator import SweepCoordinator
from gensweep.data import load_dataset
from gensweep.planning import Plan
from gensweep.spec import RunRequest
from gensweep.stack_env import apply_env
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep.trial import TrialEnd, TrialReport, TrialState
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

WIDTH, PACKS, PARTS = 32, 2, 10


def sweep(trials: int, sampler: str) -> Sweep:
    return Sweep(
        name=f"bookkeeping-{time.time_ns()}", model=CATALOG["gan"], data="ring8", trials=trials,
        budget_images=9000, rungs=3, pruner="asha", sampler=sampler, width=WIDTH,
        space={"learning_rate": Real(1e-5, 1e-1, log=True), "latent_size": Integer(2, 64),
               "critic_iterations": Integer(1, 5), "beta1": Real(0.0, 0.9),
               "truncation": Real(0.3, 3.0)},
    )  # fmt: skip


def coordinator(request: RunRequest, home: str) -> SweepCoordinator:
    store = f"file://{home}/store"
    data = load_dataset(request.sweep.data, open_store(store), split="train")
    plan = Plan(request=request, store=store, home=home,
                ledger=f"{home}/studies", tracking_uri=os.environ["MLFLOW_TRACKING_URI"],
                dataset=data, test=None)  # fmt: skip
    return SweepCoordinator(plan.run_context(), request.sweep.objective("total_variation"), {})


class Pack:
    """Lanes that train nothing."""

    def __init__(self, coordinator: SweepCoordinator, owner: str, sweep: Sweep):
        self._coordinator, self._owner, self._rungs = coordinator, owner, sweep.rung_images
        self._lanes: dict[int, int] = {}
        self._random = random.Random(owner)

    def step(self) -> int:
        """A rung of every lane; how many trials ended. Empty lanes are filled first."""
        for lease in self._coordinator.lease(self._owner, WIDTH - len(self._lanes), {}):
            self._lanes[lease.number] = 0
        self._coordinator.heartbeat(
            self._owner, {n: self._seen(rung) for n, rung in self._lanes.items()}
        )
        reports = [self._report(number) for number in self._lanes]
        last = [report for report in reports if report.images == self._rungs[-1]]
        others = [report for report in reports if report.images < self._rungs[-1]]
        verdicts = self._coordinator.report_rungs(self._owner, others)
        pruned = [r for r, verdict in zip(others, verdicts, strict=True) if verdict == "prune"]
        ends = [self._end(report, TrialState.COMPLETED) for report in last]
        ends += [self._end(r, TrialState.PRUNED) for r in pruned]
        for end in ends:
            self._coordinator.finish(self._owner, [end])
        return len(ends)

    def _seen(self, rung: int) -> int:
        return self._rungs[rung - 1] if rung else 0

    def _report(self, number: int) -> TrialReport:
        self._lanes[number] += 1
        images = self._seen(self._lanes[number])
        metrics = {name: self._random.random() for name in ("total_variation", "modes", "w1")}
        return TrialReport(number=number, attempt=1, images=images, metrics=metrics)

    def _end(self, report: TrialReport, state: TrialState) -> TrialEnd:
        """The last report goes with the end; one that was pruned has had its own."""
        del self._lanes[report.number]
        return TrialEnd(
            number=report.number, attempt=1, state=state, cause="", images=report.images,
            outcome=state, report=report if state is TrialState.COMPLETED else None,
        )  # fmt: skip


def run(request: RunRequest, home: str) -> dict[str, float]:
    opened = coordinator(request, home)
    packs = [Pack(opened, f"pack-{i}", request.sweep) for i in range(PACKS)]
    marks, ended, begin = [time.perf_counter()], 0, time.perf_counter()
    while ended < request.sweep.trials:
        ended += sum(pack.step() for pack in packs)
        if ended >= len(marks) * request.sweep.trials / PARTS:
            marks.append(time.perf_counter())
    seconds = time.perf_counter() - begin
    spans = [b - a for a, b in itertools.pairwise(marks)]
    states = opened.summary().states
    records = opened._study.records()
    whole = len(records) == ended and all(r.ended and len(r.metrics) == 3 for r in records)
    tracked = sum(opened.run_id(number) is not None for number in range(ended))
    opened.close()
    return {
        "seconds": seconds, "trials_per_s": ended / seconds,
        "last_over_first": spans[-1] / spans[0],
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "pruned": float(states.get("pruned", 0)),
        "tracked": float(tracked), "whole": float(whole),
    }  # fmt: skip


def measured(trials: int, sampler: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        return run(RunRequest(sweep=sweep(trials, sampler)), home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--tpe-trials", type=int, default=2000)
    args = parser.parse_args()
    apply_env()
    figures = measured(args.trials, "random")
    tpe = measured(args.tpe_trials, "tpe") if args.tpe_trials else {}
    equal = bool(figures.pop("whole") and tpe.pop("whole", True))
    figures |= {f"tpe.{name}": value for name, value in tpe.items()}
    print(json.dumps({
        "benchmark": "bookkeeping", "figures": figures, "ratios": {}, "equal_quality": equal,
        "machine": machine(),
    }))  # fmt: skip
