"""Copies states between the lanes of a pack, for population-based training.

`gensweep.population` says who copies whom, and what changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gensweep.lanes import LaneState
from gensweep.population import explorable, explore
from gensweep.spec import Sweep
from gensweep.trial import StaleLease
from gensweep.worker._lanes import LaneTable
from gensweep.worker._protocol import CoordinatorProtocol


def exploit_and_explore(
    sweep: Sweep, lanes: LaneTable, coordinator: CoordinatorProtocol, slots: Sequence[int]
) -> None:
    """Let each trial in `slots` that is poor go on from a better one of the pack.

    All of them are evaluated and reported by now. A trial that others have by now is dropped.
    """
    for slot in slots:
        here = {trial.number: i for i, trial in lanes.trials.items()}
        number, images = lanes.trials[slot].number, lanes.pack.lane(slot).images_seen
        try:
            donor = coordinator.choose_donor(number, images, list(here))
            if donor is not None:
                copy_lane(sweep, lanes, slot, here[donor])
                coordinator.record_copy(number, lanes.trials[slot].lineage[-1])
        except StaleLease:
            lanes.drop(slot)


def copy_lane(sweep: Sweep, lanes: LaneTable, slot: int, donor: int) -> None:
    """Make the lane `slot` a copy of the lane `donor`, with changed hyperparameters."""
    pack, names = lanes.pack, explorable(sweep.model.config, sweep.space)
    mine, theirs = pack.take(slot), pack.take(donor)
    seed, ticks = mine.meta["seed"], mine.meta["ticks"]
    config = explore(theirs.meta["config"], sweep.space, names, seed, ticks)
    pack.put(slot, _exploited(mine, theirs, config))
    trial, source = lanes.trials[slot], lanes.trials[donor]
    trial.peak_variety, trial.onset = source.peak_variety, source.onset
    changed = {name: config[name] for name in sweep.space}
    images = pack.lane(slot).images_seen
    trial.lineage.append({"images": images, "from": source.number, "params": changed})


def _exploited(target: LaneState, source: LaneState, config: Mapping[str, object]) -> LaneState:
    """The source's state with `config`, but with the target's progress, budget, seed and noise."""
    own = {name: t for name, t in target.tensors.items() if name.startswith("stream.")}
    tensors, meta = {**source.tensors, **own}, {**target.meta, "config": dict(config)}
    return replace(source, tensors=tensors, meta=meta)
