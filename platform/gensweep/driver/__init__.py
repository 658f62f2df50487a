"""The script's own process: launches packs, tells progress, reports at the end."""

from gensweep.driver._excepthook import watch
from gensweep.driver._failures import host_lost
from gensweep.driver._finish import copies
from gensweep.driver._main import main
from gensweep.driver._placement import Moves, moving
from gensweep.driver._register import register

__all__ = [
    "Moves",
    "copies",
    "host_lost",
    "main",
    "moving",
    "register",
    "watch",
]
