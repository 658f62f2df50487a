"""Profiles packs for speed and memory, and chooses their width from that.

Runs in: a pack's workers. Without GPUs, and in a dry run, the script's process measures.
"""

from gensweep.profiling._memory import is_out_of_memory
from gensweep.profiling._profiler import PackProfiler, num_threads
from gensweep.profiling._width import fixed_width, measure_width, resolve_width

__all__ = [
    "PackProfiler",
    "fixed_width",
    "is_out_of_memory",
    "measure_width",
    "num_threads",
    "resolve_width",
]
