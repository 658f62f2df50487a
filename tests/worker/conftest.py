"""The small sweep in one process, for tests of this folder."""

from small_sweep import office, open_office, ready

__all__ = ["office", "open_office", "ready"]
