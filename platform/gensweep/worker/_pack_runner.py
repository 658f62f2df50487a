"""Runs one pack on a worker: trains its lanes, evaluates those that reach a rung, refills them.

Nothing here knows where it runs; the coordinator decides everything about trials.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from gensweep.evaluation import Evaluation, LaneEvaluator
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.lanes import Pack, Progress, Ranks, Source
from gensweep.precision import FEWEST
from gensweep.pruners import find_pruner
from gensweep.spec import Sweep
from gensweep.trial import Lease, TrialEnd, TrialReport, TrialState, Verdict
from gensweep.worker._lane_trial import HeldResult
from gensweep.worker._lanes import LaneTable
from gensweep.worker._population_copies import exploit_and_explore
from gensweep.worker._protocol import CoordinatorProtocol, Order
from gensweep.worker._usage import LaneUsage

SEGMENT_S = 2.0
"""Training between two rounds of talk; what a lane computes does not depend on it."""
VERDICT_S = 0.05
"""Training of the others while the coordinator decides on a lane."""
FIRST_SEGMENT_TICKS = 16


class PackRunner:
    """Trains trials of one stratum in one pack, until the coordinator has no more of them."""

    def __init__(
        self,
        sweep: Sweep,
        coordinator: CoordinatorProtocol,
        evaluator: LaneEvaluator,
        source: Source,
        first: Lease,
        *,
        device: str = "cpu",
        ranks: Ranks | None = None,
    ):
        """Build the networks for the stratum of `first`, a trial that is to be trained."""
        self.sweep, self.coordinator = sweep, coordinator
        self.stratum = {n: first.params[n] for n in sweep.strata if n in first.params}
        self.evaluator = evaluator.to(device, sweep.lanes)
        self.pack = Pack(
            sweep.model, sweep.config(first.params), evaluator.data, source,
            width=sweep.lanes, space=sweep.space, device=device, ranks=ranks,
            precision=sweep.precision,
        )  # fmt: skip
        self.lanes = LaneTable(sweep, self.pack, coordinator)
        self.usage = LaneUsage()
        self._is_synchronous = find_pruner(sweep.pruner).is_synchronous
        self._segment_ticks = FIRST_SEGMENT_TICKS

    def run(self, leases: Sequence[Lease]) -> None:
        """Train `leases`, and what follows them, until nothing is left or the order is stop."""
        self.lanes.fill(leases)
        self.resume()

    def resume(self) -> None:
        """Train the trials that are in the lanes, and what follows them."""
        order: Order = "go"
        while self.lanes.trials and order != "stop":
            with self.usage.round(max(len(self.lanes.trials), min(FEWEST, self.pack.width))):
                order = self.run_round()
        self.coordinator.settle()
        self.coordinator.add_usage(self.usage.seconds())

    def run_round(self) -> Order:
        """Train a segment, evaluate what is due, hear verdicts, and refill lanes.

        Evaluating several lanes takes long: the heartbeat goes on after each of them.
        """
        progress = self._train_segment()
        self._remember_points(progress)
        self._prefetch_leases(progress)
        orders = {self._heartbeat()}
        reached = []
        for slot in self.end_and_evaluate(progress):
            reached.append(slot)
            orders.add(self._heartbeat())
        # Copies compare values at a rung, and checkpoints must not hold a lane that was pruned.
        self.apply_verdicts(wait=self.sweep.pbt or orders != {"go"})
        if self.sweep.pbt:
            here = [slot for slot in reached if slot in self.lanes.trials]
            exploit_and_explore(self.sweep, self.lanes, self.coordinator, here)
        if orders != {"go"}:
            self.save()
        if "stop" in orders:
            return "stop"
        self._refill()
        return "go"

    def _remember_points(self, progress: Mapping[int, Progress]) -> None:
        """Note the points of learning curves that the segment reached."""
        size, now = int(self.pack.config.batch_size), int(time.time() * 1000)
        for slot, one in progress.items():
            self.lanes.trials[slot].remember(one.points, size, now)

    def _heartbeat(self) -> Order:
        return self.coordinator.heartbeat(self.lanes.images_seen())

    def _prefetch_leases(self, progress: Mapping[int, Progress]) -> None:
        """Let the coordinator choose the next trials while the ones that end are evaluated."""
        ending = [
            slot for slot, one in progress.items()
            if one.cause is not None or one.ticks >= self.lanes.trials[slot].stops[-1]
        ]  # fmt: skip
        if ending:
            self.coordinator.prefetch_leases(len(ending), self.stratum)

    def _refill(self) -> None:
        """Fill free lanes, unless a lane rests: its verdict may free another one in a moment."""
        rests = any(trial.held_result for trial in self.lanes.trials.values())
        if self.lanes.free and not rests:
            if self._is_synchronous and not self.lanes.trials:
                self.coordinator.settle()  # what was set aside last may be what goes on
            self.lanes.fill(self.coordinator.lease(self.lanes.free, self.stratum))
            self.lanes.compact()

    def _train_segment(self) -> dict[int, Progress]:
        """Train for some `SEGMENT_S`, but not beyond the next evaluation of a lane.

        Lanes that wait for a verdict rest; the others train until it should have come.
        """
        trials, pack = self.lanes.trials, self.pack
        resting = [slot for slot, trial in trials.items() if trial.held_result]
        # No lane may train past a rung: what pruners compare must be of equally many images.
        left = [t.next_stop - pack.lane(i).ticks for i, t in trials.items() if not t.held_result]
        most = self._segment_ticks * VERDICT_S / SEGMENT_S if resting else self._segment_ticks
        ticks = max(1, min([int(most), *left]))
        taken, computed = pack.turns_taken, pack.turns_computed
        begin = time.monotonic()
        progress = pack.run(ticks, resting=resting)
        spent = max(time.monotonic() - begin, 1e-6)
        share = (pack.turns_taken - taken) / max(1, pack.turns_computed - computed)
        self._account(spent, share, len(left))
        # Each rank must train as many ticks as the others, and their clocks differ.
        if pack.ranks.count == 1 and not resting:
            # At most doubled: a first segment of a few ticks says little about the pace.
            fitting = round(ticks * SEGMENT_S / spent)
            self._segment_ticks = max(1, min(2 * self._segment_ticks, fitting))
        return progress

    def _account(self, seconds: float, share: float, going: int) -> None:
        """Count a segment; `share` of the turns that were computed were taken by a lane."""
        if not self.pack.sparse or going < FEWEST:  # lanes that rest were computed, too
            share *= max(len(self.lanes.trials), FEWEST) / going
        self.usage.train(seconds, share, going)

    def end_and_evaluate(self, progress: Mapping[int, Progress]) -> Iterator[int]:
        """End the trials that diverged, evaluate those that are due; yield their slots."""
        for slot, one in list(progress.items()):
            if one.cause is not None:
                cause = f"{one.cause} ({one.images_seen:,} images)"
                self.end_trial(slot, TrialState.DIVERGED, cause, one)
                yield slot
        for slot, evaluation in self._evaluate_due(progress):
            # Training metrics are means since the last rung, so that they show what happens now.
            self.pack.lane(slot).means.clear()
            self.report_rung(slot, progress[slot], evaluation)
            yield slot

    def _evaluate_due(self, progress: Mapping[int, Progress]) -> Iterator[tuple[int, Evaluation]]:
        """Yield the evaluations of all lanes that have reached a rung, and count their time."""
        trials = {i: t for i, t in self.lanes.trials.items() if progress[i].ticks >= t.next_stop}
        due = {slot: trial.is_last_stop for slot, trial in trials.items()}
        compared = self.sweep.pruner != "none" or self.sweep.pbt
        bound = compared and self.sweep.target in LIKELIHOOD_METRICS
        evaluations = self.evaluator.evaluate(self.pack, due, bound=bound,
                                              note_alive=self.coordinator.note_alive)  # fmt: skip
        while True:
            begin = time.monotonic()
            one = next(evaluations, None)
            self.usage.evaluate(time.monotonic() - begin)
            if one is None:
                return
            yield one

    def report_rung(self, slot: int, progress: Progress, evaluation: Evaluation) -> None:
        """Report the lane's evaluation, or end its trial with it where it is the last."""
        trial = self.lanes.trials[slot]
        trial.reached += 1
        evaluation = trial.reconsider(evaluation, progress.images_seen)
        diverged = evaluation.state is TrialState.DIVERGED
        # The report goes with the end, and crosses once. A cohort must not hear of the value of one
        # that diverged before it hears of that: it would have a place among the best.
        if trial.reached == len(trial.stops) or (diverged and self._is_synchronous):
            state, cause = evaluation.state, evaluation.cause
            self.end_trial(slot, state, cause, progress, evaluation, is_reported=False)
            return
        self.coordinator.report(self._report(slot, progress, evaluation))
        trial.picture(progress.images_seen, evaluation.png)
        # Others are compared with it at this rung all the same, so that its value is told at once.
        if diverged:
            self.end_trial(slot, evaluation.state, evaluation.cause, progress, evaluation)
            return
        if self.sweep.pruner != "none":
            trial.held_result = HeldResult(evaluation, progress)

    def _report(self, slot: int, progress: Progress, evaluation: Evaluation) -> TrialReport:
        trial = self.lanes.trials[slot]
        return TrialReport(
            number=trial.number,
            attempt=trial.lease.attempt,
            images=progress.images_seen,
            metrics={**progress.metrics, **evaluation.metrics},
            png=evaluation.png,
            points=trial.new_points(),
        )

    def apply_verdicts(self, *, wait: bool) -> None:
        """Follow the verdicts that have come; all of them, if nobody can train without."""
        wait |= all(trial.held_result for trial in self.lanes.trials.values())
        for lease, verdict in self.coordinator.verdicts(wait=wait).items():
            # None, where the trial has ended, or was leased again, meanwhile.
            for slot in [i for i, t in self.lanes.trials.items() if t.lease.id == lease]:
                self.apply_verdict(slot, verdict)

    def apply_verdict(self, slot: int, verdict: Verdict) -> None:
        """Let the lane train on, or end or drop its trial."""
        trial = self.lanes.trials[slot]
        held, trial.held_result = trial.held_result, None
        if verdict is Verdict.LOST:
            self.lanes.drop(slot)
        elif verdict is not Verdict.CONTINUE and held is not None:
            cause = f"stopped at {held.progress.images_seen:,} images"
            self.end_trial(slot, TrialState.PRUNED, cause, held.progress, held.evaluation,
                           waits=verdict is Verdict.WAIT)  # fmt: skip

    def end_trial(
        self,
        slot: int,
        state: TrialState,
        cause: str,
        progress: Progress,
        evaluation: Evaluation | None = None,
        *,
        is_reported: bool = True,
        waits: bool = False,
    ) -> None:
        """Tell how the lane's trial ended, and drop it; weights are kept if it was evaluated.

        An `evaluation` that is not reported yet goes with the end, so that it crosses once. A trial
        that `waits` ends so only if the verdict of its cohort is to stop it.
        """
        trial = self.lanes.trials[slot]
        report = None if evaluation is None else self._report(slot, progress, evaluation)
        completed = evaluation is not None and state is not TrialState.PRUNED
        end = TrialEnd(
            number=trial.number, attempt=trial.lease.attempt, state=state, cause=cause,
            images=progress.images_seen,
            outcome=evaluation.outcome if evaluation is not None and completed else state,
            waits=waits,
            report=None if is_reported else report,
            curves={} if evaluation is None else evaluation.curves,
            intervals={} if evaluation is None else evaluation.intervals,
            points=tuple(trial.points), points_stride=trial.points_stride,
            lineage=tuple(trial.lineage),
        )  # fmt: skip
        # Pictures of earlier rungs wait with the lane, or go beside it where the trial ends.
        rungs = {} if waits or evaluation is None else trial.take_pictures(progress.images_seen)
        # Taken before the lane is dropped: the next trial's weights overwrite it.
        weights = b"" if evaluation is None else self.lanes.state(slot)
        png = b"" if evaluation is None else evaluation.png
        self.coordinator.finish(end, weights, png, rungs)
        self.lanes.drop(slot)

    def save(self) -> None:
        """Store a checkpoint of every lane, and drop the trials that others have by now."""
        self.lanes.drop_trials(self.coordinator.checkpoints(self.lanes.states()))
