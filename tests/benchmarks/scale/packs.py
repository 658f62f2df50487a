"""A sweep's packs, lanes and coordinator on a simulated clock.

A pack does what `gensweep.sweep`'s does, at its own intervals: it trains to the next evaluation or
for a segment, beats, reports by a thread of its own, rests the lanes whose verdict has not come,
asks for trials that are to follow before it needs them, and stands still while it asks for others.
"""

import itertools
import random
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from gensweep.coordinator._pack_leases import BEATS_PER_S
from gensweep.driver._progress_lines import POLL_S, SPARSE
from gensweep.pruners import REDUCTION
from gensweep.worker._coordinator_client import CHECKPOINT_S, HEARTBEAT_S
from gensweep.worker._pack_runner import SEGMENT_S, VERDICT_S

from .servers import Clock, Process, Server


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds of the coordinator for each of its answers: fixed ones, and for each trial in a
    call."""

    call: float = 0.0
    beat: float = 0.0
    lease: tuple[float, float] = (0.0, 0.0)
    report: tuple[float, float] = (0.0, 0.0)
    checkpoint: tuple[float, float] = (0.0, 0.0)
    finish: tuple[float, float] = (0.0, 0.0)
    summary: float = 0.0
    """For each trial that there is."""
    tracker: float = 0.0
    """Of the tracker, for a trial with one report."""
    tracker_report: float = 0.0
    """Of the tracker, for each further report."""
    store: float = 0.0
    """Until a pack's weights are stored."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is simulated."""

    gpus: int
    width: int
    trials: int
    trial_s: float
    rungs: int = 4
    spread: float = 0.3
    """A trial's pace is within this share of the mean."""
    evaluation_s: float = 0.2
    seed: int = 0

    @property
    def beat_s(self) -> float:
        """From one heartbeat of a pack to the next."""
        return max(HEARTBEAT_S, self.gpus / BEATS_PER_S)

    @property
    def parts(self) -> list[float]:
        """Shares of a trial from one evaluation to the next, as `asha` places them."""
        ends = [REDUCTION ** -float(i) for i in reversed(range(self.rungs))]
        return [ends[0], *(b - a for a, b in itertools.pairwise(ends))]

    @property
    def reports(self) -> float:
        """Of the mean trial, of which each rung leaves one in `REDUCTION`."""
        return sum(REDUCTION ** -float(i) for i in range(self.rungs))

    @property
    def mean_s(self) -> float:
        """Training of the mean trial."""
        return self.trial_s * sum(p * REDUCTION ** -float(i) for i, p in enumerate(self.parts))


@dataclass(slots=True, eq=False)
class Lane:
    """A trial in its lane: seconds to its next evaluation, and which that is."""

    pace: float
    left: float
    rung: int = 0
    resting: bool = False


@dataclass
class World:
    """The coordinator, the tracker, and what is counted."""

    size: Size
    costs: Costs
    clock: Clock = field(default_factory=Clock)
    coordinator: Server = field(default_factory=Server)
    tracker: Server = field(default_factory=Server)
    handed: int = 0
    ended: int = 0
    begun: int = 0
    filled_at: float = float("inf")
    emptied_at: float = float("inf")
    """When the last trial was handed out; lanes that are empty later have nothing to do."""
    used: float = 0.0
    """Lane-seconds of training and evaluation between the two."""
    marks: list[tuple[float, int]] = field(default_factory=list)
    """What the coordinator had done at both: seconds, and calls."""

    def ask(self, fixed: float, each: float = 0.0, count: int = 0) -> float:
        return self.coordinator.serve(self.clock.now, self.costs.call + fixed + each * count)

    def draw(self, count: int) -> int:
        """Trials that are left for a pack that wants `count`."""
        drawn = min(count, self.size.trials - self.handed)
        self.handed += drawn
        if drawn and self.handed == self.size.trials:
            self.emptied_at = self.clock.now
            self.mark()
        return drawn

    def mark(self) -> None:
        self.marks.append((self.coordinator.busy, len(self.coordinator.waits)))

    @property
    def load(self) -> float:
        """The coordinator's busy share between the first and the last trial handed out."""
        (first, _), (last, _) = self.marks
        return (last - first) / (self.emptied_at - self.filled_at)

    @property
    def waits(self) -> list[float]:
        """Of the coordinator's calls between the two, in order."""
        (_, first), (_, last) = self.marks
        return sorted(self.coordinator.waits[first:last])

    @property
    def idle(self) -> float:
        """The share of lane-seconds between the two that the coordinator cost."""
        span = self.emptied_at - self.filled_at
        return 1 - self.used / (span * self.size.gpus * self.size.width)

    def account(self, lane_seconds: float) -> None:
        if self.filled_at <= self.clock.now <= self.emptied_at:
            self.used += lane_seconds


class Pack:
    """Lanes that step together."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self._clock = world, world.clock
        self._random = random.Random(f"{world.size.seed}/{number}")
        self._lanes: list[Lane] = []
        self._asked: deque[tuple[str, list[Lane], int]] = deque()
        self._heard: list[tuple[Lane, bool]] = []
        self._coming: int | None = None
        self._expected = 0
        self._asking = self._waits = False
        self._ends: list[Lane] = []
        self._beat = self._saved = self._heard_at = 0.0
        self.process = self._work()

    # The pack's own thread

    def _work(self) -> Process:
        yield from self._seat()
        self._begin()
        while self._lanes:
            due = yield from self._train()
            if due:
                yield from self._evaluate(due)
            if self._clock.now - self._beat >= self.world.size.beat_s:
                self._beat = self._clock.now
                yield self.world.ask(self.world.costs.beat)
            yield from self._hear()
            self._save()
            if not self._resting and len(self._lanes) < self.world.size.width:
                yield from self._seat()

    def _begin(self) -> None:
        world = self.world
        world.begun += 1
        self._beat = self._saved = self._clock.now
        if world.begun == world.size.gpus:
            world.filled_at = self._clock.now
            world.mark()

    @property
    def _resting(self) -> list[Lane]:
        return [lane for lane in self._lanes if lane.resting]

    def _train(self) -> Generator[float | None, None, list[Lane]]:
        """To the next evaluation or look at the coordinator; the lanes that are due.

        Looks that come to nothing, while a verdict is long in coming, become fewer.
        """
        going = [lane for lane in self._lanes if not lane.resting]
        most = SEGMENT_S
        if len(going) < len(self._lanes):
            most = max(VERDICT_S, 0.1 * (self._clock.now - self._heard_at))
        span = min(most, *(lane.left for lane in going))
        yield self._clock.now + span
        self.world.account(span * len(going))
        for lane in going:
            lane.left -= span
        return [lane for lane in going if lane.left <= 1e-9]

    def _evaluate(self, due: list[Lane]) -> Process:
        last = self.world.size.rungs - 1
        ending = [lane for lane in due if lane.rung == last]
        if ending:
            self._expected += len(ending)
            self._send("lease", [], len(ending))
        span = self.world.size.evaluation_s * len(due)
        yield self._clock.now + span
        self.world.account(span * len(self._lanes))
        self._send("report", due, len(due))
        if not self._resting:
            self._heard_at = self._clock.now
        for lane in due:
            lane.resting = lane.rung < last
        self._leave(ending)

    def _hear(self) -> Process:
        while self._lanes and not self._heard and all(lane.resting for lane in self._lanes):
            yield from self._wait()
        pruned = []
        for lane, stays in self._heard:
            lane.resting = False
            if stays:
                lane.rung += 1
                lane.left = self._stretch(lane)
            else:
                pruned.append(lane)
        if self._heard:
            self._heard_at = self._clock.now
        self._heard.clear()
        self._leave(pruned)

    def _leave(self, lanes: list[Lane]) -> None:
        self._lanes = [lane for lane in self._lanes if lane not in lanes]
        self._ends += lanes

    def _seat(self) -> Process:
        """Fill lanes: with trials that were asked for before, and others, which one waits for."""
        world = self.world
        self._tell_ends()
        while self._expected and self._coming is None:
            yield from self._wait()
        came = self._coming or 0
        self._coming, self._expected = None, 0
        lacking = world.size.width - len(self._lanes) - came
        if lacking > 0 and world.handed < world.size.trials:
            drawn = world.draw(lacking)
            yield world.ask(*world.costs.lease, drawn)
            came += drawn
        for _ in range(came):
            share = world.size.spread
            lane = Lane(pace=self._random.uniform(1 - share, 1 + share), left=0.0)
            lane.left = self._stretch(lane)
            self._lanes.append(lane)

    def _stretch(self, lane: Lane) -> float:
        size = self.world.size
        return size.trial_s * size.parts[lane.rung] * lane.pace

    def _wait(self) -> Process:
        self._waits = True
        yield None

    # Threads beside it

    def _send(self, kind: str, lanes: list[Lane], count: int) -> None:
        self._asked.append((kind, lanes, count))
        if not self._asking:
            self._asking = True
            self._clock.wake(self._ask())

    def _ask(self) -> Process:
        costs = self.world.costs
        while self._asked:
            kind, lanes, count = self._asked.popleft()
            if kind == "lease":
                drawn = self.world.draw(count)
                yield self.world.ask(*costs.lease, drawn)
                self._coming = (self._coming or 0) + drawn
            else:
                while self._asked and self._asked[0][0] == "report":
                    lanes = lanes + self._asked.popleft()[1]
                yield self.world.ask(*costs.report, len(lanes))
                self._judge(lanes)
            if self._waits:
                self._waits = False
                self._clock.wake(self.process)
        self._asking = False

    def _judge(self, lanes: list[Lane]) -> None:
        for lane in lanes:
            if lane.resting:
                self._heard.append((lane, self._random.random() * REDUCTION < 1))

    def _tell_ends(self) -> None:
        if self._ends:
            self._clock.wake(self._finish(self._ends))
            self._ends = []

    def _finish(self, ends: list[Lane]) -> Process:
        world = self.world
        yield self._clock.now + world.costs.store
        yield world.ask(*world.costs.finish, len(ends))
        for lane in ends:
            cost = world.costs.tracker + world.costs.tracker_report * lane.rung
            world.tracker.serve(self._clock.now, cost)
        world.ended += len(ends)

    def _save(self) -> None:
        if self._lanes and self._clock.now - self._saved >= CHECKPOINT_S:
            self._saved = self._clock.now
            self._clock.wake(self._checkpoint(len(self._lanes)))

    def _checkpoint(self, count: int) -> Process:
        yield self._clock.now + self.world.costs.store
        yield self.world.ask(*self.world.costs.checkpoint, count)


def watch(world: World) -> Process:
    """The driver's line of progress, for which the coordinator looks at every trial."""
    while world.ended < world.size.trials:
        yield world.clock.now + max(POLL_S, world.clock.now / SPARSE)
        yield world.ask(world.costs.summary * world.handed)


def simulate(size: Size, costs: Costs) -> World:
    """The sweep until its last trial has ended."""
    world = World(size, costs)
    for number in range(size.gpus):
        world.clock.wake(Pack(world, number).process)
    world.clock.wake(watch(world))
    world.clock.run()
    return world
