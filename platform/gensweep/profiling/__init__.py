"""How fast packs train and what memory they take, and the width that follows."""

from gensweep.profiling._cache import device_name
from gensweep.profiling._profiler import Paces
from gensweep.profiling._width import asked_for, measured_width, on_the_spot

__all__ = [
    "Paces",
    "asked_for",
    "device_name",
    "measured_width",
    "on_the_spot",
]
