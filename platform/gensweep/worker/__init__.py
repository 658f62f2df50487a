"""Where a pack trains: the loop on a rank, its lanes, and its talk with the coordinator."""

from gensweep.worker._main import train_loop_per_worker
from gensweep.worker._ranks import ranks
from gensweep.worker._usage import in_a_line, shares

__all__ = [
    "in_a_line",
    "train_loop_per_worker",
    "ranks",
    "shares",
]
