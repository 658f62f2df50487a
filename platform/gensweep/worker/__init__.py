"""Trains a pack: the loop on a rank, its lanes, and its talk with the coordinator.

Runs in: a pack's workers, which Ray Train starts. Knows neither the study nor the tracker.
"""

from gensweep.worker._coordinator_client import CoordinatorClient
from gensweep.worker._main import WorkerSettings, train_loop_per_worker
from gensweep.worker._pack_calls import PackCalls
from gensweep.worker._pack_runner import PackRunner
from gensweep.worker._protocol import CoordinatorProtocol
from gensweep.worker._strata import train_trials
from gensweep.worker._usage import shares, shares_text

__all__ = [
    "CoordinatorClient",
    "CoordinatorProtocol",
    "PackCalls",
    "PackRunner",
    "WorkerSettings",
    "shares",
    "shares_text",
    "train_loop_per_worker",
    "train_trials",
]
