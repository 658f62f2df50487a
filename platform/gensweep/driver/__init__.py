"""The script's own process: launches packs, tells progress, reports at the end."""

from gensweep.driver._excepthook import watch
from gensweep.driver._failures import host_lost
from gensweep.driver._finish import copies
from gensweep.driver._main import main
from gensweep.driver._placement import PlacementRetries, watch_placement
from gensweep.driver._register import register

__all__ = [
    "PlacementRetries",
    "copies",
    "host_lost",
    "main",
    "watch_placement",
    "register",
    "watch",
]
