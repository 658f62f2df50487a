"""The table of a pack's lanes: which trial is in which, how it gets in, and how it leaves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gensweep.lanes import Lane, LaneState, Pack, last_begin
from gensweep.spec import Sweep
from gensweep.trial import Lease, LeaseId
from gensweep.worker._lane_trial import LaneTrial
from gensweep.worker._protocol import CoordinatorProtocol


class LaneTable:
    """Fills the lanes of `pack` with leased trials; `trials` has those that train, by slot."""

    def __init__(self, sweep: Sweep, pack: Pack, coordinator: CoordinatorProtocol):
        self.pack = pack
        self.trials: dict[int, LaneTrial] = {}
        self._sweep, self._coordinator = sweep, coordinator

    @property
    def free(self) -> int:
        """Lanes without a trial."""
        return self.pack.width - len(self.trials)

    def fill(self, leases: Sequence[Lease]) -> None:
        """Put each trial into an empty lane, where its checkpoint left it.

        One that is in a lane already was lost and leased anew, while the pack was silent.
        """
        anew = {lease.number for lease in leases}
        self.drop_trials([t.lease.id for t in self.trials.values() if t.number in anew])
        empty = [slot for slot in range(self.pack.width) if slot not in self.trials]
        for slot, lease in zip(empty, leases, strict=False):
            meta = self._load(slot, lease)
            lane = self.pack.lane(slot)
            trial = LaneTrial.from_meta(lease, self._stops(lane), meta)
            trial.skip_stops(lane.ticks)
            self.trials[slot] = trial

    def _stops(self, lane: Lane) -> tuple[int, ...]:
        """Ticks of the rungs, rounded up, without those before all players have begun to learn.

        There samples would come from untrained networks, and pruners would act on them.
        """
        total, budget = lane.total_ticks, self._sweep.budget_images
        stops = (-(-total * images // budget) for images in self._sweep.rung_images)
        begun = last_begin(self.pack.game, lane.hyper) * total
        return tuple(stop for stop in stops if stop > begun)

    def _load(self, slot: int, lease: Lease) -> Mapping[str, object]:
        """Load a checkpoint or a fresh lane; return what was stored beside its tensors."""
        data = None
        if lease.checkpoint is not None:
            data = self._coordinator.restore(lease.checkpoint, lease.number)
        if data is not None:
            state = LaneState.from_bytes(data)
            self.pack.put(slot, state)
            return state.meta
        config, budget = self._sweep.config(lease.params), self._sweep.budget_images
        self.pack.load(slot, config, seed=lease.seed, budget_images=budget)
        return {}

    def drop(self, slot: int) -> None:
        """Leave the lane without its trial."""
        del self.trials[slot]
        self.pack.drop(slot)

    def drop_trials(self, leases: Collection[LeaseId]) -> None:
        """Drop those of the trials that are still here."""
        for slot in [i for i, trial in self.trials.items() if trial.lease.id in leases]:
            self.drop(slot)

    def compact(self) -> None:
        """Move trials from the last lanes to empty ones before them.

        A pack computes its first lanes without a copy of their state, and a gap would cost one.
        """
        last = [slot for slot in self.trials if slot >= len(self.trials)]
        empty = [slot for slot in range(len(self.trials)) if slot not in self.trials]
        for slot, to in zip(last, empty, strict=True):
            self.pack.put(to, self.pack.take(slot))
            self.pack.drop(slot)
            self.trials[to] = self.trials.pop(slot)

    def state(self, slot: int) -> bytes:
        """The lane and what is known of its trial, as it is stored."""
        state = self.pack.take(slot)
        return replace(state, meta={**state.meta, **self.trials[slot].to_meta()}).to_bytes()

    def states(self) -> dict[LeaseId, bytes]:
        """`state` of every trial, by lease."""
        return {trial.lease.id: self.state(slot) for slot, trial in self.trials.items()}

    def images_seen(self) -> dict[int, int]:
        """Training examples that each trial has seen, by number."""
        return {t.number: self.pack.lane(i).images_seen for i, t in self.trials.items()}
