"""The script's own process: launches packs, tells progress, reports at the end.

Runs in: the script's process.
"""

from gensweep.driver._excepthook import install_excepthook
from gensweep.driver._main import main

__all__ = ["install_excepthook", "main"]
