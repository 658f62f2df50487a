"""One pack at work: lanes filled with leased trials, trained, evaluated, and refilled.

Nothing here knows where it runs; the coordinator it talks to decides everything about trials.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gensweep.evaluation import LaneEvaluator, Result
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.lanes import FEWEST, LaneState, Pack, Progress, Ranks, Source
from gensweep.spec import Sweep
from gensweep.trial import LINEAGE, Outcome, TrialState, Verdict
from gensweep.worker._lane_trial import LaneTrial
from gensweep.worker._population import evolve
from gensweep.worker._protocol import CoordinatorProtocol, LeaseLike
from gensweep.worker._usage import Usage

PEAK = "peak_variety"
"""Of a lane's state: the largest variety that its trial has shown, if it has shown any."""
SEGMENT_S = 2.0
"""Training between two looks at the coordinator; what a lane computes does not depend on it."""
VERDICT_S = 0.05
"""Training of the others while the coordinator decides on a lane."""


class PackRunner:
    """A pack of one stratum, and the trials in its lanes."""

    def __init__(
        self,
        sweep: Sweep,
        coordinator: CoordinatorProtocol,
        lane_evaluator: LaneEvaluator,
        source: Source,
        first: Any,
        *,
        device: str = "cpu",
        ranks: Ranks | None = None,
    ):
        self.sweep, self.coordinator = sweep, coordinator
        self.stratum = {n: first.params[n] for n in sweep.strata if n in first.params}
        self.lane_evaluator = lane_evaluator.to(device, sweep.lanes)
        self.pack = Pack(
            sweep.model, sweep.config(first.params), lane_evaluator.data, source,
            width=sweep.lanes, space=sweep.space, device=device, ranks=ranks,
            precision=sweep.precision,
        )  # fmt: skip
        self.seats: dict[int, LaneTrial] = {}
        self._segment = 16
        self.usage = Usage()

    def seat(self, leases: Sequence[LeaseLike]) -> None:
        """Put each trial into an empty lane, where its checkpoint left it."""
        empty = [slot for slot in range(self.pack.width) if slot not in self.seats]
        for slot, lease in zip(empty, leases, strict=False):
            meta = self._load(slot, lease)
            lane = self.pack.lane(slot)
            stops = self._stops(lane.total_ticks)
            seat = LaneTrial(lease, stops, meta.get(PEAK), list(meta.get(LINEAGE, [])))
            seat.skip(lane.ticks)
            self.seats[slot] = seat

    def _stops(self, total: int) -> tuple[int, ...]:
        budget = self.sweep.budget_images
        return tuple(-(-total * images // budget) for images in self.sweep.rung_images)

    def _load(self, slot: int, lease: LeaseLike) -> dict[str, Any]:
        """Fill the lane; what was kept with its state."""
        data = (
            self.coordinator.restore(lease.checkpoint, lease.number) if lease.checkpoint else None
        )
        if data is not None:
            state = LaneState.from_bytes(data)
            self.pack.put(slot, state)
            return state.meta
        config, budget = self.sweep.config(lease.params), self.sweep.budget_images
        self.pack.load(slot, config, seed=lease.seed, budget_images=budget)
        return {}

    def run(self) -> None:
        """Train until the coordinator has no more trials of this stratum, or says stop."""
        stopped = False
        while self.seats and not stopped:
            with self.usage.look(max(len(self.seats), min(FEWEST, self.pack.width))):
                stopped = self._look()
        self.coordinator.settle()
        self.coordinator.used(self.usage.told())

    def _look(self) -> bool:
        """Train a while, evaluate what is due, and fill lanes; whether the coordinator said
        stop."""
        progress = self._train()
        self._expect(progress)
        orders = {self.coordinator.heartbeat(self._seen())}
        reached = []
        for slot in self._after(progress):  # each of which may take long
            reached.append(slot)
            orders.add(self.coordinator.heartbeat(self._seen()))
        self._hear(wait=self.sweep.pbt or orders != {"go"})
        if self.sweep.pbt:
            evolve(self, [slot for slot in reached if slot in self.seats])
        if orders - {"go"}:
            self._save()
        rests = any(
            seat.reported for seat in self.seats.values()
        )  # until the coordinator has answered
        if "stop" not in orders and not rests and len(self.seats) < self.pack.width:
            self.seat(self.coordinator.lease(self.pack.width - len(self.seats), self.stratum))
            self._close_up()
        return "stop" in orders

    def _expect(self, progress: Mapping[int, Progress]) -> None:
        """Let the coordinator choose what follows the trials that end now, while they are
        evaluated."""
        ending = [
            slot
            for slot, one in progress.items()
            if one.cause is not None or one.ticks >= self.seats[slot].stops[-1]
        ]
        if ending:
            self.coordinator.expect(len(ending), self.stratum)

    def _close_up(self) -> None:
        """Move trials from the last lanes to empty ones before them: first lanes cost no copy."""
        last = [slot for slot in self.seats if slot >= len(self.seats)]
        empty = [slot for slot in range(len(self.seats)) if slot not in self.seats]
        for slot, to in zip(last, empty, strict=True):
            self.pack.put(to, self.pack.take(slot))
            self.pack.drop(slot)
            self.seats[to] = self.seats.pop(slot)

    def _seen(self) -> dict[int, int]:
        return {s.lease.number: self.pack.lane(i).images_seen for i, s in self.seats.items()}

    def _train(self) -> dict[int, Progress]:
        """Some `SEGMENT_S` of training, but not beyond the next evaluation of a lane.

        Lanes that wait for a verdict rest, and the others train until it should be there.
        """
        resting = [slot for slot, seat in self.seats.items() if seat.reported]
        going = {slot: seat for slot, seat in self.seats.items() if not seat.reported}
        stops = [s.next_stop() - self.pack.lane(i).ticks for i, s in going.items()]
        most = self._segment * VERDICT_S / SEGMENT_S if resting else self._segment
        ticks = max(1, min([int(most), *stops]))
        begin = time.monotonic()
        taken, computed = self.pack.turns_taken, self.pack.turns_computed
        progress = self.pack.run(ticks, resting=resting)
        spent = max(time.monotonic() - begin, 1e-6)
        part = (self.pack.turns_taken - taken) / max(1, self.pack.turns_computed - computed)
        if not self.pack.sparse or len(going) < FEWEST:  # others were computed, too
            part *= max(len(self.seats), FEWEST) / len(going)
        self.usage.train(spent, part, len(going))
        if self.pack.ranks.count == 1 and not resting:  # clocks of ranks differ
            self._segment = max(1, min(2 * self._segment, round(ticks * SEGMENT_S / spent)))
        return progress

    def _after(self, progress: Mapping[int, Progress]) -> Iterator[int]:
        """End the trials that diverged, evaluate those that are due; slots one after the other."""
        for slot in [slot for slot, one in progress.items() if one.cause is not None]:
            cause = f"{progress[slot].cause} ({progress[slot].images_seen:,} images)"
            self._leave(slot, TrialState.DIVERGED, cause, {}, progress[slot])
            yield slot
        for slot, result in self._evaluated(progress):
            self.pack.lane(slot).means.clear()
            self._rung(slot, self.seats[slot], progress[slot], result)
            yield slot

    def _evaluated(self, progress: Mapping[int, Progress]) -> Iterator[tuple[int, Result]]:
        """The results of all lanes that are due."""
        seats = {i: s for i, s in self.seats.items() if progress[i].ticks >= s.next_stop()}
        due = {slot: seat.ending for slot, seat in seats.items()}
        compared = self.sweep.pruner != "none" or self.sweep.pbt
        bound = compared and self.sweep.target in LIKELIHOOD_METRICS
        results = self.lane_evaluator.evaluate(self.pack, due, bound=bound)
        while True:
            begin = time.monotonic()
            one = next(results, None)
            self.usage.evaluate(time.monotonic() - begin)
            if one is None:
                return
            yield one

    def _rung(self, slot: int, seat: LaneTrial, progress: Progress, result: Result) -> None:
        seat.reached += 1
        last = seat.reached == len(seat.stops)
        seat.reconsider(result)
        metrics = progress.metrics | result["metrics"]
        self.coordinator.report(seat.lease.number, progress.images_seen, metrics, result["png"])
        seat.unheard += 1
        reported = result | {"metrics": metrics}
        if result["state"] == TrialState.DIVERGED or last:
            self._leave(slot, result["state"], result["cause"], reported, progress)
        elif self.sweep.pruner != "none":
            seat.reported = reported, progress

    def _hear(self, *, wait: bool) -> None:
        """Follow the verdicts that have come; all of them, if nobody can train without."""
        wait |= all(seat.reported for seat in self.seats.values())
        for number, verdict in self.coordinator.verdicts(wait).items():
            held = [i for i, s in self.seats.items() if s.lease.number == number and s.unheard]
            for slot in held:  # none, where the trial has ended, or come back, meanwhile
                self._follow(slot, verdict)

    def _follow(self, slot: int, verdict: str) -> None:
        seat = self.seats[slot]
        seat.unheard -= 1
        reported, seat.reported = seat.reported, None
        if verdict == Verdict.LOST:
            self.drop(slot)
        elif verdict == Verdict.PRUNE and reported:
            result, progress = reported
            cause = f"stopped at {progress.images_seen:,} images"
            ended = result | {"outcome": Outcome.PRUNED}
            self._leave(slot, TrialState.PRUNED, cause, ended, progress)

    def _leave(self, slot: int, state: TrialState, cause: str, result: dict[str, Any],
               progress: Progress) -> None:  # fmt: skip
        weights = self._state(slot) if result else b""
        seat = self.seats[slot]
        kept = {"weights": weights, "images": progress.images_seen, LINEAGE: seat.lineage}
        self.coordinator.finish(seat.lease.number, state, cause, result | kept)
        self.drop(slot)

    def drop(self, slot: int) -> None:
        """Leave the lane without its trial."""
        del self.seats[slot]
        self.pack.drop(slot)

    def _state(self, slot: int) -> bytes:
        """The lane, and what its seat knows."""
        state, seat = self.pack.take(slot), self.seats[slot]
        state.meta[PEAK] = seat.variety
        if seat.lineage:
            state.meta[LINEAGE] = seat.lineage
        return state.to_bytes()

    def _save(self) -> None:
        lanes = {seat.lease.number: self._state(slot) for slot, seat in self.seats.items()}
        lost = self.coordinator.checkpoints(lanes)
        for slot in [i for i, seat in self.seats.items() if seat.lease.number in lost]:
            self.drop(slot)
