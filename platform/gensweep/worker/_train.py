"""A pack's whole work: one bench after the other, narrower ones where memory is not enough."""

import gc
from collections.abc import Callable
from dataclasses import replace

import torch

from gensweep.evaluation import Judge
from gensweep.lanes import Ranks, Source
from gensweep.spec import Sweep
from gensweep.worker._pack_runner import Bench
from gensweep.worker._protocol import Desk


def work(sweep: Sweep, desk: Desk, judge: Judge, source: Source, *, device: str = "cpu",
         ranks: Ranks | None = None, told: Callable[[str], None] = print) -> None:  # fmt: skip
    """Train trials until the desk has none left: one stratum after the other.

    A pack that does not fit into memory is tried again with half of its lanes; its trials go on
    from their last checkpoint.
    """
    bench: Bench | None = None
    while desk.heartbeat({}) != "stop" and (leases := desk.lease(sweep.lanes, None)):
        try:
            bench = Bench(sweep, desk, judge, source, leases[0], device=device, ranks=ranks)
            told(f"a pack of {len(leases)} trials: {bench.stratum or sweep.model.name}")
            bench.seat(leases)
            bench.run()
        except RuntimeError as error:
            if not out_of_memory(error) or sweep.lanes == 1:
                raise
            sweep = replace(sweep, width=sweep.lanes // 2)
            told(f"out of memory: going on with {sweep.lanes} lanes")
            if bench is not None:
                desk.used(bench.usage.told())
            desk.give_back()
        bench = None
        gc.collect()  # a pack and its traces hold each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a GPU's memory, or a CPU's, was not enough."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
