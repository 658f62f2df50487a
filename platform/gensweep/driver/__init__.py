"""The script's own process: launches packs, tells progress, reports at the end."""

from gensweep.driver._excepthook import install_excepthook
from gensweep.driver._main import main

__all__ = ["install_excepthook", "main"]
