"""The copies of population-based training, in a pack at work; see `_population`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gensweep.study import StaleLease
from gensweep.sweep._population import changing, exploited, explored

if TYPE_CHECKING:
    from gensweep.sweep._bench import Bench


def evolve(bench: "Bench", slots: Sequence[int]) -> None:
    """Those of the lanes, all evaluated by now, that are poor go on from better ones."""
    for slot in slots:
        here = {seat.lease.number: i for i, seat in bench.seats.items()}
        number, images = bench.seats[slot].lease.number, bench.pack.lane(slot).images_seen
        try:
            source = bench.desk.better(number, images, list(here))
            if source is not None:
                _copy(bench, slot, here[source])
                bench.desk.copied(number, bench.seats[slot].lineage[-1])
        except StaleLease:  # others have the trial by now
            bench.drop(slot)


def _copy(bench: "Bench", slot: int, other: int) -> None:
    """Make the lane the `other`, with changed hyperparameters."""
    pack, space = bench.pack, bench.sweep.space
    names = changing(bench.sweep.model.config, space)
    mine, theirs = pack.take(slot), pack.take(other)
    seed, ticks = mine.meta["seed"], mine.meta["ticks"]
    config = explored(theirs.meta["config"], space, names, seed, ticks)
    pack.put(slot, exploited(mine, theirs, config))
    seat, source = bench.seats[slot], bench.seats[other]
    seat.variety = source.variety
    changed = {name: config[name] for name in space}
    images = pack.lane(slot).images_seen
    seat.lineage.append({"images": images, "from": source.lease.number, "params": changed})
