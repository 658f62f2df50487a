"""The copies of population-based training, in a pack at work; see `_population`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gensweep.population import explorable, explore
from gensweep.trial import StaleLease

if TYPE_CHECKING:
    from gensweep.lanes import LaneState
    from gensweep.worker._pack_runner import PackRunner


def evolve(runner: "PackRunner", slots: Sequence[int]) -> None:
    """Those of the lanes, all evaluated by now, that are poor go on from better ones."""
    for slot in slots:
        here = {seat.lease.number: i for i, seat in runner.seats.items()}
        number, images = runner.seats[slot].lease.number, runner.pack.lane(slot).images_seen
        try:
            source = runner.coordinator.better(number, images, list(here))
            if source is not None:
                _copy(runner, slot, here[source])
                runner.coordinator.copied(number, runner.seats[slot].lineage[-1])
        except StaleLease:  # others have the trial by now
            runner.drop(slot)


def _copy(runner: "PackRunner", slot: int, other: int) -> None:
    """Make the lane the `other`, with changed hyperparameters."""
    pack, space = runner.pack, runner.sweep.space
    names = explorable(runner.sweep.model.config, space)
    mine, theirs = pack.take(slot), pack.take(other)
    seed, ticks = mine.meta["seed"], mine.meta["ticks"]
    config = explore(theirs.meta["config"], space, names, seed, ticks)
    pack.put(slot, exploited(mine, theirs, config))
    seat, source = runner.seats[slot], runner.seats[other]
    seat.variety = source.variety
    changed = {name: config[name] for name in space}
    images = pack.lane(slot).images_seen
    seat.lineage.append({"images": images, "from": source.lease.number, "params": changed})


def exploited(target: "LaneState", source: "LaneState", config: Mapping[str, Any]) -> "LaneState":
    """The source's state with `config`, but with the target's progress, budget, seed and noise."""
    own = {name: t for name, t in target.tensors.items() if name.startswith("stream.")}
    tensors, meta = {**source.tensors, **own}, {**target.meta, "config": dict(config)}
    return replace(source, tensors=tensors, meta=meta)
