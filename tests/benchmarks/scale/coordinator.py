"""What each answer of a sweep's own coordinator costs, over a journal or a database."""

import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gensweep.coordinator import SweepCoordinator
from gensweep.data import load_dataset
from gensweep.evaluation import grid_png
from gensweep.planning import Plan
from gensweep.spec import RunRequest
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep.trial import TrialEnd, TrialReport, TrialState
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

METRICS = ("total_variation", "modes", "w1", "precision", "recall")
PICTURE = grid_png(torch.randn(2500, 2, generator=torch.Generator().manual_seed(0)), None)


def sweep(trials: int, width: int, sampler: str) -> Sweep:
    return Sweep(
        name=f"scale-{time.time_ns()}", model=CATALOG["gan"], data="ring8", trials=trials,
        budget_images=27_000, rungs=4, pruner="asha", sampler=sampler, width=width,
        space={"learning_rate": Real(1e-5, 1e-1, log=True), "latent_size": Integer(2, 64),
               "critic_iterations": Integer(1, 5), "beta1": Real(0.0, 0.9),
               "truncation": Real(0.3, 3.0)},
    )  # fmt: skip


def open_coordinator(
    request: RunRequest, home: str, ledger: str, tracking_uri: str
) -> SweepCoordinator:
    store = f"file://{home}/store"
    data = load_dataset(request.sweep.data, open_store(store), split="train")
    plan = Plan(request=request, store=store, home=home, ledger=ledger, tracking_uri=tracking_uri,
                dataset=data, test=None)  # fmt: skip
    return SweepCoordinator(plan.run_context(), request.sweep.objective("total_variation"), {})


class Stopwatch:
    """Seconds of each call, by name, and how many trials were in it."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.cpu_s = self.wall_s = 0.0
        """Of a trial: of the whole process, its tracker's thread too, and by the clock."""

    def __call__(self, name: str, count: int, ask: Callable[..., Any], *args: Any) -> Any:
        begin = time.perf_counter()
        answer = ask(*args)
        self.seen[name].append((count, time.perf_counter() - begin))
        return answer

    def line(self, name: str) -> tuple[float, float]:
        """Seconds of a call, and of each trial in it: least squares of both, neither negative."""
        counts, seconds = map(np.array, zip(*self.seen[name], strict=True))
        if len(set(counts.tolist())) < 2:
            return 0.0, float(seconds.sum() / counts.sum())
        each = float(np.polyfit(counts, seconds, 1)[0])
        each = min(max(each, 0.0), float(seconds.sum() / counts.sum()))
        return float((seconds - each * counts).mean()), each

    def mean(self, name: str) -> float:
        return float(np.mean([seconds for _, seconds in self.seen[name]]))


class Pack:
    """Lanes that train nothing, whose pack asks what a real one asks."""

    def __init__(self, coordinator: SweepCoordinator, owner: str, request: Sweep, watch: Stopwatch):
        self._coordinator, self._owner, self._watch = coordinator, owner, watch
        self._rungs, self._width = request.rung_images, request.lanes
        self._lanes: dict[int, int] = {}
        self._random = random.Random(owner)

    def step(self) -> int:
        """An evaluation of some lanes; how many trials ended. Empty lanes are filled first."""
        watch, coordinator = self._watch, self._coordinator
        lacking = self._width - len(self._lanes)
        if lacking:
            self._lanes |= {lease.number: 0 for lease in self._lease(lacking)}
        if not self._lanes:
            return 0
        watch("beat", 1, coordinator.heartbeat, self._owner, dict(self._lanes))
        some = self._random.sample(sorted(self._lanes), self._random.randint(1, len(self._lanes)))
        told = [self._report(number) for number in some]
        last = [report for report in told if report.images == self._rungs[-1]]
        others = [report for report in told if report.images < self._rungs[-1]]
        verdicts: list[str] = []
        if others:
            verdicts = watch("report", len(others), coordinator.report_rungs, self._owner, others)
        pointer = {"owner": self._owner, "step": 1}
        held = [(number, 1) for number in self._lanes]
        watch("checkpoint", len(held), coordinator.checkpoint, self._owner, held, pointer)
        ends = [self._end(report, TrialState.COMPLETED) for report in last]
        ends += [self._end(report, TrialState.PRUNED)
                 for report, verdict in zip(others, verdicts, strict=True)
                 if verdict == "prune"]  # fmt: skip
        if ends:
            watch("finish", len(ends), coordinator.finish, self._owner, ends)
        return len(ends)

    def _lease(self, count: int) -> Any:
        begin = time.perf_counter()
        came = self._coordinator.lease(self._owner, count, {})
        if came:
            self._watch.seen["lease"].append((len(came), time.perf_counter() - begin))
        return came

    def _report(self, number: int) -> TrialReport:
        rung = self._rungs.index(self._lanes[number]) + 1 if self._lanes[number] else 0
        images = self._lanes[number] = self._rungs[rung]
        metrics = {m: self._random.random() for m in METRICS}
        return TrialReport(number=number, attempt=1, images=images, metrics=metrics, png=PICTURE)

    def _end(self, report: TrialReport, state: TrialState) -> TrialEnd:
        """The last report goes with the end; one that was pruned has had its own."""
        number = report.number
        del self._lanes[number]
        return TrialEnd(
            number=number, attempt=1, state=state, cause="", images=report.images,
            outcome=state, report=report if state is TrialState.COMPLETED else None,
            artifacts={"place": f"sweeps/x/trials/{self._owner}", "step": number},
        )  # fmt: skip


def coordinator_costs(
    trials: int, width: int, sampler: str = "qmc", ledger: str = "", *,
    finished: int = 0, packs: int = 2,
) -> Stopwatch:  # fmt: skip
    """The watch over so many trials, once others have finished, beside the tracker's thread."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as home:
        more = 3 * packs * width  # no lane is ever without a trial
        request = RunRequest(sweep=sweep(finished + trials + more, width, sampler))
        uri = os.environ["MLFLOW_TRACKING_URI"]
        coordinator = open_coordinator(request, home, ledger or f"{home}/studies", uri)
        lanes = [Pack(coordinator, f"pack-{i}", request.sweep, watch) for i in range(packs)]
        _step(lanes, finished)
        watch.seen.clear()
        began = time.process_time(), time.perf_counter()
        ended = _step(lanes, trials)
        watch.cpu_s = (time.process_time() - began[0]) / ended
        watch.wall_s = (time.perf_counter() - began[1]) / ended
        for _ in range(3):
            watch("summary", len(coordinator._study.ranked()), coordinator.summary)
        # What the tracker was told is measured by `tracker_costs`.
        coordinator._recorder._tracker._deliverer.stop()
        coordinator.close()
    return watch


def _step(packs: list[Pack], trials: int) -> int:
    """Let packs go on in turn until so many trials have ended; how many did."""
    ended = 0
    while ended < trials:
        ended += sum(pack.step() for pack in packs)
    return ended
