"""A pack's whole work: one stratum after the other, in narrower packs where memory is short."""

import gc
import logging
from dataclasses import replace

import torch

from gensweep.evaluation import LaneEvaluator
from gensweep.lanes import Ranks, Source
from gensweep.profiling import is_out_of_memory
from gensweep.spec import Sweep
from gensweep.worker._pack_runner import PackRunner
from gensweep.worker._protocol import CoordinatorProtocol

_log = logging.getLogger(__name__)


def train_trials(
    sweep: Sweep,
    coordinator: CoordinatorProtocol,
    evaluator: LaneEvaluator,
    source: Source,
    *,
    device: str = "cpu",
    ranks: Ranks | None = None,
) -> None:
    """Train trials until the coordinator has none left: one stratum after the other.

    A pack that does not fit into memory is tried again with half of its lanes; its trials go on
    from their last checkpoints.
    """
    runner: PackRunner | None = None
    while coordinator.heartbeat({}) != "stop" and (leases := coordinator.lease(sweep.lanes, None)):
        try:
            runner = PackRunner(
                sweep, coordinator, evaluator, source, leases[0], device=device, ranks=ranks
            )
            _log.info("a pack of %d trials: %s", len(leases), runner.stratum or sweep.model.name)
            runner.run(leases)
        except RuntimeError as error:
            if not is_out_of_memory(error) or sweep.lanes == 1:
                raise
            sweep = replace(sweep, width=sweep.lanes // 2)
            _log.warning("out of memory: going on with %d lanes", sweep.lanes)
            if runner is not None:
                coordinator.add_usage(runner.usage.seconds())
            coordinator.release_all()
        runner = None
        gc.collect()  # a pack and its traces hold each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
