"""The script's own process: launches packs, tells progress, reports at the end.

Runs in: the script's process.
"""

from gensweep.driver._main import main

__all__ = ["main"]
