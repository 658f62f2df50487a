"""The small sweep in one process, for tests of this folder."""

from small_sweep import open_small_sweep, ready, small_sweep

__all__ = ["open_small_sweep", "ready", "small_sweep"]
