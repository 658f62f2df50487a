"""How long a sweep will train, measured on this machine rather than guessed."""

import time
from typing import Any

import torch

from gensweep.lanes import Pack
from gensweep.study import all_strata
from gensweep.sweep._sweep import Sweep

WARM_UP_TICKS = 10
"""A round of every player is traced on its first turn; up to 10 critic steps make a round."""
MEASURE_S = 0.5


def training_s(sweep: Sweep, dataset: Any, *, packs: int, threads: int) -> float:
    """Seconds that all trials will train in `packs` side by side on CPUs, evaluation excluded."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        each = [_lane_s(sweep, dataset, s) for s in all_strata(sweep.space, sweep.strata)]
    finally:
        torch.set_num_threads(before)
    return sweep.trials * sweep.budget_images * sum(each) / len(each) / packs


def _lane_s(sweep: Sweep, dataset: Any, stratum: dict[str, Any]) -> float:
    """Seconds for one example of one lane in a full pack of this stratum."""
    config = sweep.config(stratum)
    pack = Pack(sweep.model, config, dataset, dataset.source("cpu"), width=sweep.width,
                space=sweep.space)  # fmt: skip
    for slot in range(pack.width):
        pack.load(slot, config, seed=slot, budget_images=sweep.budget_images)
    pack.run(WARM_UP_TICKS)
    begin, ticks = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < MEASURE_S:
        pack.run(5)
        ticks += 5
    return spent / (ticks * pack.width * int(config.batch_size))
