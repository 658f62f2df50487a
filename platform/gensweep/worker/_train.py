"""A pack's whole work: one bench after the other, narrower ones where memory is not enough."""

import gc
from collections.abc import Callable
from dataclasses import replace

import torch

from gensweep.evaluation import LaneEvaluator
from gensweep.lanes import Ranks, Source
from gensweep.spec import Sweep
from gensweep.worker._pack_runner import PackRunner
from gensweep.worker._protocol import CoordinatorProtocol


def train_trials(
    sweep: Sweep,
    coordinator: CoordinatorProtocol,
    lane_evaluator: LaneEvaluator,
    source: Source,
    *,
    device: str = "cpu",
    ranks: Ranks | None = None,
    told: Callable[[str], None] = print,
) -> None:
    """Train trials until the coordinator has none left: one stratum after the other.

    A pack that does not fit into memory is tried again with half of its lanes; its trials go on
    from their last checkpoint.
    """
    runner: PackRunner | None = None
    while coordinator.heartbeat({}) != "stop" and (leases := coordinator.lease(sweep.lanes, None)):
        try:
            runner = PackRunner(
                sweep, coordinator, lane_evaluator, source, leases[0], device=device, ranks=ranks
            )
            told(f"a pack of {len(leases)} trials: {runner.stratum or sweep.model.name}")
            runner.seat(leases)
            runner.run()
        except RuntimeError as error:
            if not out_of_memory(error) or sweep.lanes == 1:
                raise
            sweep = replace(sweep, width=sweep.lanes // 2)
            told(f"out of memory: going on with {sweep.lanes} lanes")
            if runner is not None:
                coordinator.used(runner.usage.told())
            coordinator.give_back()
        runner = None
        gc.collect()  # a pack and its traces hold each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a GPU's memory, or a CPU's, was not enough."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
