"""How fast packs train and what memory they take, and the width that follows.

Runs in: a pack's workers. A dry run measures in the script's process.
"""

from gensweep.profiling._profiler import PackProfiler
from gensweep.profiling._width import asked_for, measure_width, resolve_width

__all__ = [
    "PackProfiler",
    "asked_for",
    "measure_width",
    "resolve_width",
]
